"""`harness run`: what it stores, what it prints, and its exit code."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from harness.cells import Cell, read_cells
from harness.runner.plan import PlannedCell
from harness.spec.library import trained_names
from tests.cli.calling import Call
from tests.cli.test_reading import BAD_MESSAGES
from tests.conftest import EXACT
from tests.runner import toys
from tests.spec.writing import ROOT_SPEC

TOY = ("--metrics", "toy", "--processes", 1)


def files(folder: Path) -> dict[str, tuple[bytes, int]]:
    """Contents and time of writing of every file below a folder."""
    paths = [path for path in folder.rglob("*") if path.is_file()]
    return {str(path.relative_to(folder)): (path.read_bytes(), path.stat().st_mtime_ns) for path in paths}


@pytest.fixture
def planned(monkeypatch: pytest.MonkeyPatch) -> set[tuple[str, str]]:
    """What a run would have measured; nothing is."""
    cells: set[tuple[str, str]] = set()

    def execute(missing: list[PlannedCell], *_: object) -> list[tuple[PlannedCell, Cell]]:
        cells.update((cell.subject, cell.metric) for cell in missing)
        raise KeyboardInterrupt

    monkeypatch.setattr("harness.runner.execute.execute", execute)
    return cells


def test_a_spec_that_is_named_is_trained_as_others_of_the_profile(
    call: Call, mine: Path, planned: set[tuple[str, str]]
) -> None:
    assert "llama-13b" not in trained_names("quick")
    call("run", mine, "llama-13b", "mistral*")
    assert {(spec, metric) for spec, metric in planned if metric.startswith("icl")} == {
        ("mine", "icl"),
        ("llama-13b", "icl"),
    }
    assert ("mistral-7b", "params") in planned
    call("run", mine, "--profile", "full")
    assert ("mine", "icl_wide") in planned


def test_a_spec_of_ones_own_is_measured_in_every_way_that_counts(call: Call, mine: Path) -> None:
    outcome = call("run", mine, "--metrics", "exact", "--processes", 1)
    assert (outcome.code, "Traceback" in outcome.err) == (0, False)
    cells = {cell.metric: cell for cell in read_cells(Path("reports"))}
    assert sorted(cells) == EXACT
    assert {cell.status for cell in cells.values()} == {"ok"}
    assert cells["params"].values["total"] == 5798891520
    assert cells["kv_cache"].values["bytes_per_token"]["fp16"] == 65536


def test_a_root_spec_of_ones_own_is_measured_in_every_way_that_counts(call: Call) -> None:
    blocks = "blocks: {dense: {}, banded: {pattern: {kind: banded, window: 5}}}\nlayers: [dense, banded]\n"
    Path("root.yaml").write_text(ROOT_SPEC + blocks)
    rows = call("run", "root.yaml", "--metrics", "exact", "--processes", 1, "--json", "--out", "deep/down").data
    assert [(row["spec"], row["metric"], row["status"]) for row in rows] == [("root", metric, "ok") for metric in EXACT]
    assert all(Path(row["file"]).is_file() for row in rows)


class TestToys:
    @pytest.fixture(autouse=True)
    def toys(self, monkeypatch: pytest.MonkeyPatch) -> None:
        toys.lend(monkeypatch)
        monkeypatch.setattr("harness.cli.run.plan", toys.plan_toys)

    def test_the_others_are_measured_beside_a_broken_spec(self, call: Call, mine: Path, bad: Path) -> None:
        outcome = call("run", bad, mine, "no.yaml", *TOY, "--out", "out")
        assert outcome.code == 2
        assert outcome.err.splitlines()[-3:] == [*BAD_MESSAGES, "no.yaml: cannot be read: No such file or directory"]
        assert [(cell.spec.name, cell.metric, cell.values) for cell in read_cells(Path("out"))] == [
            ("mine", "toy", {"layers": 32})
        ]

    def test_nothing_is_measured_twice(self, call: Call) -> None:
        rows = call("run", "qwen-*b", *TOY, "--json").data
        assert {row["stored_before"] for row in rows} == {False}
        first = files(Path("reports"))
        assert len(first) == len(rows) == 4
        rows = call("run", "qwen-*b", *TOY, "--json").data
        assert {row["stored_before"] for row in rows} == {True}
        assert files(Path("reports")) == first

    def test_a_failure_is_told_with_code_1_and_measured_again(self, call: Call) -> None:
        arguments = ("run", "llama-7b", "llama-13b", "--metrics", "toy,refusing", "--processes", 1)
        for attempt in range(2):
            outcome = call(*arguments, "--json")
            assert outcome.code == 1
            assert outcome.err.splitlines()[-1] == "llama-13b: no such number"
            assert [(row["status"], row["stored_before"]) for row in outcome.data] == [
                ("ok", bool(attempt)),
                ("ok", bool(attempt)),
                ("ok", bool(attempt)),
                ("failed", False),
            ]

    def test_a_metric_that_is_named_twice_is_measured_once(self, call: Call) -> None:
        assert len(call("run", "llama-7b", "llama-7b", "--metrics", "toy, toy,", "--processes", 1, "--json").data) == 1

    def test_the_summary_counts(self, call: Call) -> None:
        call("run", "llama-7b", *TOY, "--out", "[bold]")
        outcome = call("run", "llama-7b", "llama-13b", "--metrics", "toy,refusing", "--out", "[bold]", "--processes", 1)
        assert outcome.out.splitlines()[0].strip() == "Results in [bold]"
        rows = [
            [cell.strip() for cell in line.split("│")[1:-1]] for line in outcome.out.splitlines() if line[:1] == "│"
        ]
        assert rows == [["toy", "2", "0", "1"], ["refusing", "1", "1", "0"]]

    def test_two_specs_of_one_name_are_refused(self, call: Call, mine: Path) -> None:
        Path("other.yaml").write_text(mine.read_text())
        outcome = call("run", mine, "other.yaml", *TOY)
        assert (outcome.code, outcome.out) == (2, "")
        assert outcome.err == "two of the specs are called 'mine'; results are stored by name, so rename one\n"

    def test_a_folder_that_is_a_file_is_told(self, call: Call) -> None:
        Path("taken").write_text("")
        outcome = call("run", "llama-7b", *TOY, "--out", "taken")
        assert outcome.code == 2
        assert outcome.err == "taken/results: cannot be written: Not a directory\n"
        assert "Traceback" not in outcome.err

    @pytest.mark.skipif(os.geteuid() == 0, reason="root may write everywhere")
    def test_a_folder_without_permission_is_told(self, call: Call) -> None:
        Path("closed").mkdir(mode=0o500)
        outcome = call("run", "llama-7b", *TOY, "--out", "closed")
        assert outcome.code == 2
        assert outcome.err.endswith(": cannot be written: Permission denied\n")
