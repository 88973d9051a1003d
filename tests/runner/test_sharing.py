"""One run on several machines: shards, their union, and the scripts that stand in `examples`."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml

from harness.cells import Cell, cell_path, environment, read_cells, write_cell
from harness.errors import CountMismatchError, HarnessError
from harness.runner.measure import measure
from harness.runner.merge import merge
from harness.runner.plan import plan, plan_experiments, sharded
from harness.spec import Spec, load_spec, spec_names
from tests.cli.calling import Call
from tests.conftest import ROOT
from tests.runner.toys import plan_toys

QUICK = ["attention_pairs", "claims"]


class TestShards:
    @pytest.mark.parametrize("count", [1, 2, 3, 7, 100])
    def test_together_they_are_the_plan_and_no_cell_is_in_two(self, specs: dict[str, Spec], count: int) -> None:
        cells = plan(specs.values(), QUICK, "quick") + plan_experiments(["stability"], "quick")
        parts = [sharded(cells, f"{number}/{count}") for number in range(1, count + 1)]
        assert sorted(id(cell) for part in parts for cell in part) == sorted(map(id, cells))
        assert max(map(len, parts)) - min(map(len, parts)) <= 1

    @pytest.mark.parametrize("shard", ["0/2", "3/2", "1/0", "1", "a/b", "1/2/3", "-1/2", "", "1/99999999999"])
    def test_others_are_refused(self, shard: str) -> None:
        with pytest.raises(HarnessError, match=r"^--shard: found '.*', expected i/N with 1 <= i <= N, such as 2/4$"):
            sharded([], shard)


@pytest.fixture
def params() -> Cell:
    """The parameters of a model."""
    (planned,) = plan([load_spec("gpt2-small")], ["claims"], "quick")
    return measure(planned)


def elsewhere(cell: Cell, **changes: Any) -> Cell:
    """The same of another machine."""
    hardware = {**environment()["hardware"], "processor": "another"}
    return cell.model_copy(update={"environment": {**environment(), "hardware": hardware}, **changes})


HOW = {"implementation": "native", "dtype": "float32", "shapes": [[1, 768]], "processes": 5, "rounds": 7}
UNDER = {"device": "cpu", "clock": "processor time", "load_average": 0.0, "variables": {}}
TIMED: dict[str, Any] = {"conditions": UNDER, "rows": []}


def timed(created: str, status: str = "ok") -> Cell:
    """A timing of this machine."""
    return Cell.model_validate(
        {
            "spec": None,
            "metric": "norms",
            "version": 2,
            "settings": HOW,
            "environment": environment(),
            "status": status,
            "values": TIMED if status == "ok" else {},
            "created": created,
            "seconds": 1.0,
        }
    )


class TestMerging:
    def test_what_machines_share_is_whole_again(self, tmp_path: Path, params: Cell) -> None:
        other = elsewhere(params)
        for folder, cell in (("one", params), ("two", other), ("three", timed("2026-01-01"))):
            write_cell(tmp_path / folder, cell)
        merged = merge([tmp_path / name for name in ("one", "two", "three")], tmp_path / "out")
        assert sorted(cell.key for cell in merged.cells) == sorted([params.key, other.key, timed("2026-01-01").key])
        for folder in ("one", "two", "three"):
            for path in (tmp_path / folder).rglob("*.json"):
                assert path.read_bytes() == (tmp_path / "out" / path.relative_to(tmp_path / folder)).read_bytes()
        assert merged.machines() == {}

    def test_exact_figures_that_differ_are_refused_and_nothing_is_written(self, tmp_path: Path, params: Cell) -> None:
        write_cell(tmp_path / "one", params)
        write_cell(tmp_path / "two", elsewhere(params, values={**params.values, "more": 1}))
        with pytest.raises(CountMismatchError, match=r"one/.* and .*two/.*: gpt2-small, claims: exact figures differ$"):
            merge([tmp_path / "one", tmp_path / "two"], tmp_path / "out")
        assert not (tmp_path / "out").exists()

    def test_what_experiments_count_is_held_equal_too(self, tmp_path: Path) -> None:
        for folder, count in (("one", 1), ("two", 2)):
            write_cell(tmp_path / folder, elsewhere(timed("2026-01-01"), values={**TIMED, "exact": {"bytes": count}}))
        with pytest.raises(CountMismatchError, match="_machine, norms: exact figures differ"):
            merge([tmp_path / "one", tmp_path / "two"], tmp_path / "out")

    def test_timings_of_two_machines_stay_apart_and_are_told(self, tmp_path: Path) -> None:
        mine, other = timed("2026-01-01"), elsewhere(timed("2026-01-01"))
        write_cell(tmp_path / "one", mine)
        write_cell(tmp_path / "two", other)
        merged = merge([tmp_path / "one", tmp_path / "two"], tmp_path / "out")
        (counts,) = merged.machines().values()
        assert sorted(counts.values()) == [1, 1]
        assert {path.name for path in (tmp_path / "out").rglob("*.json")} == {
            f"norms-{cell.key}.json" for cell in (mine, other)
        }

    @pytest.mark.parametrize(
        ("first", "second", "kept"),
        [
            (timed("2026-01-01"), timed("2027-01-01"), "2027-01-01"),
            (timed("2027-01-01"), timed("2026-01-01"), "2027-01-01"),
            (timed("2027-01-01", "failed"), timed("2026-01-01"), "2026-01-01"),
        ],
    )
    def test_of_one_key_the_better_and_then_the_newer_is_kept(
        self, tmp_path: Path, first: Cell, second: Cell, kept: str
    ) -> None:
        write_cell(tmp_path / "one", first)
        write_cell(tmp_path / "out", second)
        assert [cell.created for cell in merge([tmp_path / "one"], tmp_path / "out").cells] == [kept]
        assert [cell.created for cell in read_cells(tmp_path / "out")] == [kept]

    def test_a_file_that_cannot_be_read_is_told_and_left_out(self, call: Call, params: Cell) -> None:
        write_cell(Path("one"), params)
        broken = cell_path(Path("one"), "gpt2-small", "flops", "0")
        broken.write_text("{")
        outcome = call("merge", "one", "--out", "out")
        assert (outcome.code, outcome.out) == (0, "1 results in out\n")
        assert outcome.err.startswith(f"left out: {broken}: not a stored result: ")
        assert len(list(Path("out").rglob("*.json"))) == 1

    def test_a_folder_without_results_is_told(self, call: Call) -> None:
        outcome = call("merge", "nowhere", "--out", "out")
        assert (outcome.code, outcome.err) == (2, "nowhere: holds no results\n")


class TestTelling:
    def test_a_plan_tells_what_a_run_would_measure(
        self, call: Call, monkeypatch: pytest.MonkeyPatch, toys: None
    ) -> None:
        monkeypatch.setattr("harness.cli.run.plan", plan_toys)
        arguments = ("llama-7b", "llama-13b", "--metrics", "toy,refusing", "--json")
        before = call("plan", *arguments).data
        assert [(row["spec"], row["metric"], row["stored"], row["estimate_from"]) for row in before] == [
            (name, metric, False, "unknown") for name in ("llama-7b", "llama-13b") for metric in ("toy", "refusing")
        ]
        assert not list(Path().iterdir())
        rows = call("run", *arguments, "--processes", 1).data
        assert [row["file"] for row in rows] == [row["file"] for row in before]
        after = call("run", *arguments, "--dry-run").data
        assert after == call("plan", *arguments).data
        assert [row["stored"] for row in after] == [True, True, True, False]
        assert [row["estimate_from"] for row in after] == ["2 stored", "1 stored"] * 2
        assert all(row["memory_bytes"] > 1 << 20 for row in after)
        assert call("plan", *arguments[:-1]).out.splitlines()[-1].startswith("4 cells, 3 stored; to measure: some 0")

    def test_only_what_failed_is_retried(self, call: Call, monkeypatch: pytest.MonkeyPatch, toys: None) -> None:
        monkeypatch.setattr("harness.cli.run.plan", plan_toys)
        call("run", "llama-7b", "llama-13b", "--metrics", "refusing", "--processes", 1)
        outcome = call("run", "llama*", "--metrics", "toy,refusing", "--processes", 1, "--retry-failed", "--json")
        assert [(row["spec"], row["metric"], row["status"]) for row in outcome.data] == [
            ("llama-13b", "refusing", "failed")
        ]

    def test_every_metric_has_its_line(self, call: Call) -> None:
        rows = call("metrics", "--json").data
        assert [row["name"] for row in rows if row["unit"] == "unknown" or not row["measures"]] == []
        named = {row["name"]: (row["how"], row["of"]) for row in rows}
        assert named["params"] == ("exact", "specs")
        assert named["icl"] == ("trained or run", "specs")
        assert named["norms"] == ("timed", "this machine")
        assert call("metrics").out.count("FLOPs") >= 1


@pytest.fixture
def shell(tmp_path: Path) -> Any:
    """Run a shell command in which `harness` is this checkout's."""
    program = tmp_path / "bin/harness"
    program.parent.mkdir()
    program.write_text(f'#!/bin/sh\nexec {sys.executable} -m harness "$@"\n')
    program.chmod(0o755)

    def run(command: str, **variables: str) -> None:
        environment = {**os.environ, "PATH": f"{program.parent}:{os.environ['PATH']}", "PYTHONPATH": str(ROOT)}
        done = subprocess.run(
            ["bash", "-euc", command],
            cwd=tmp_path,
            env=environment | variables,
            capture_output=True,
            text=True,
            check=False,
            timeout=300,
        )
        assert done.returncode == 0, done.stderr

    return run


def files(folder: Path) -> dict[str, dict[str, Any]]:
    """Results by name of file, without what differs from run to run."""
    found = {}
    for path in folder.glob("results/*/*.json"):
        read = json.loads(path.read_text())
        found[path.relative_to(folder).as_posix()] = {
            key: value for key, value in read.items() if key not in ("created", "seconds", "during")
        }
    return found


CHOSEN = "gpt2-small"


def test_an_array_of_slurm_gives_what_one_machine_gives(shell: Any, tmp_path: Path) -> None:
    for task in "12":
        shell(
            f"{ROOT}/examples/slurm.sh {CHOSEN}",
            SLURM_ARRAY_TASK_ID=task,
            SLURM_ARRAY_TASK_COUNT="2",
            SLURM_CPUS_PER_TASK="1",
        )
    shell("harness merge shards/* --out reports")
    shell(f"harness run {CHOSEN} --metrics exact --processes 1 --out alone")
    assert all(files(tmp_path / "shards" / task) for task in "12")
    assert files(tmp_path / "reports") == files(tmp_path / "alone")
    assert len(files(tmp_path / "alone")) == 6


def test_a_matrix_gives_every_cell_once(shell: Any, tmp_path: Path) -> None:
    jobs = yaml.safe_load((ROOT / "examples/matrix.yml").read_text())["jobs"]
    shards = jobs["measure"]["strategy"]["matrix"]["shard"]
    steps = {step["name"]: step["run"] for job in jobs.values() for step in job["steps"] if "run" in step}
    for shard in shards:
        command = re.sub(r"\$\{\{ matrix\.shard \}\}", str(shard), steps["measure"])
        shell(command.replace("--metrics exact", "--metrics claims"))
    assert sum(len(files(tmp_path / "shards" / str(shard))) for shard in shards) == len(spec_names())
    shell(steps["join"])
    assert len(files(tmp_path / "reports")) == len(spec_names())
    assert (tmp_path / "reports/index.html").is_file()
