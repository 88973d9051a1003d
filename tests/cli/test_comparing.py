"""The gate between two runs."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from harness.cells import Cell, write_cell
from harness.comparison import Difference, differences, quotient
from harness.intervals import Interval
from tests.cli.calling import Call
from tests.report.cells import ENVIRONMENT, spec_record

THRESHOLD = 1.1


def counted(total: int, **changes: Any) -> Cell:
    fields = {"spec": spec_record("toy"), "metric": "params", "values": {"total": total, "parts": [1, {"a": 2}]}}
    return cell(**{**fields, **changes})


def cell(**fields: Any) -> Cell:
    common = {
        "version": 1,
        "settings": {},
        "environment": ENVIRONMENT,
        "status": "ok",
        "created": "2026-01-01T00:00:00+00:00",
        "seconds": 1.0,
    }
    return Cell(**{**common, **fields})


def timed(low: float, mid: float, high: float, noise: float = 1.02, **changes: Any) -> Cell:
    """A candidate that took so many times as long as what it is anchored to, and twice as long as the other one."""
    row = {
        "name": "rms to layer",
        "ratio": {"low": 1.9, "mid": 2.0, "high": 2.1},
        "anchor": "copy",
        "anchored": {"low": low, "mid": mid, "high": high},
        "noise": [1 / noise, noise],
    }
    conditions = {"device": "cpu", "load": mid}
    values = {"samples": [], "conditions": conditions, "exact": {"bytes": {"rms": 7}}, "rows": [row]}
    return cell(**{"spec": None, "metric": "norms", "values": values, **changes})


def gate(base: list[Cell], head: list[Cell]) -> list[Difference]:
    return differences(base, head, THRESHOLD)


def test_equal_runs_pass() -> None:
    assert gate([counted(7), timed(0.9, 1.0, 1.1)], [counted(7), timed(0.9, 1.0, 1.1)]) == []


def test_an_exact_figure_that_changed_fails_and_is_named() -> None:
    (found,) = gate([counted(7)], [counted(8)])
    assert (found.subject, found.what, found.base, found.head, found.fails) == ("toy", "params: total", "7", "8", True)


def test_a_nested_figure_is_found() -> None:
    (found,) = gate([counted(7)], [counted(7, values={"total": 7, "parts": [1, {"a": 3}]})])
    assert found.what == "params: parts[1].a"


def test_another_architecture_fails() -> None:
    (found,) = gate([counted(7)], [counted(7, spec=spec_record("toy", hash="other"))])
    assert (found.fails, found.why) == (True, "another architecture")


def test_a_result_that_is_gone_fails_and_one_that_is_new_does_not() -> None:
    (found,) = gate([counted(7)], [])
    assert (found.fails, found.head) == (True, "missing")
    assert gate([], [counted(7)]) == []


def test_a_result_that_failed_fails_and_one_that_recovered_does_not() -> None:
    broken = counted(7, status="failed", reason="no memory", values={})
    (found,) = gate([counted(7)], [broken])
    assert (found.fails, found.why) == (True, "no memory")
    (found,) = gate([broken], [counted(7)])
    assert not found.fails


@pytest.mark.parametrize(
    ("head", "fails"),
    [
        (timed(1.28, 1.3, 1.32), True),
        (timed(1.08, 1.3, 1.57), False),  # the interval begins below the threshold
        (timed(1.04, 1.05, 1.06), False),  # slower, but by less than the threshold
        (timed(1.28, 1.3, 1.32, noise=1.5), False),  # within the noise
        (timed(0.68, 0.7, 0.72), False),  # faster
    ],
)
def test_a_timing_fails_beyond_threshold_and_noise_only(head: Cell, fails: bool) -> None:
    (found,) = gate([timed(0.99, 1.0, 1.01)], [head])
    assert found.fails == fails


def test_a_candidate_is_not_slower_because_the_one_beside_it_became_faster() -> None:
    head = timed(0.99, 1.0, 1.01)
    (row,) = head.values["rows"]
    row["ratio"] = {"low": 2.9, "mid": 3.0, "high": 3.1}
    assert gate([timed(0.99, 1.0, 1.01)], [head]) == []


def test_an_exact_figure_beside_timings_fails() -> None:
    base, head = timed(0.99, 1.0, 1.01), timed(0.99, 1.0, 1.01)
    head.values["exact"] = {"bytes": {"rms": 8}}
    (found,) = gate([base], [head])
    assert (found.what, found.base, found.head, found.fails) == ("norms: bytes.rms", "7", "8", True)


def test_a_timing_that_is_gone_fails() -> None:
    base, head = timed(0.99, 1.0, 1.01), timed(0.99, 1.0, 1.01)
    head.values["rows"] = []
    (found,) = gate([base], [head])
    assert (found.what, found.why, found.fails) == ("norms: rms to layer", "no longer timed", True)


@pytest.mark.parametrize("where", ["processor", "device"])
def test_timings_of_another_machine_fail_and_are_not_compared(where: str) -> None:
    head = timed(0.5, 0.51, 0.52)
    if where == "device":
        head = timed(0.5, 0.51, 0.52, settings={"device": "a GPU"})
        head.values["conditions"]["device"] = "a GPU"
    else:
        hardware = {**ENVIRONMENT["hardware"], "processor": "slide rule"}
        head = timed(0.5, 0.51, 0.52, environment={**ENVIRONMENT, "hardware": hardware})
    (found,) = gate([timed(0.99, 1.0, 1.01)], [head])
    assert (found.fails, found.why) == (True, "timed on another machine: not compared")


def test_what_other_kernels_computed_is_told() -> None:
    hardware = {**ENVIRONMENT["hardware"], "kernels": "others 1"}
    head = timed(1.98, 2.0, 2.02, environment={**ENVIRONMENT, "hardware": hardware})
    (found,) = gate([timed(0.99, 1.0, 1.01)], [head])
    assert found.why.endswith("; computed by other kernels: unknown and others 1")


@pytest.mark.parametrize("changes", [{"version": 2}, {"settings": {"specs": ["toy", "new"]}}])
def test_what_the_head_measures_otherwise_is_told_and_does_not_fail(changes: dict[str, Any]) -> None:
    (found,) = gate([timed(0.99, 1.0, 1.01)], [timed(0.99, 1.0, 1.01, **changes)])
    assert (found.fails, found.head) == (False, "otherwise")


def test_a_result_of_another_kind_does_not_stand_for_one_that_is_gone() -> None:
    lost, other = (timed(0.99, 1.0, 1.01, settings={"implementation": how}) for how in ("model", "native"))
    (found,) = gate([lost], [other])
    assert (found.what, found.fails, found.head) == ("norms: model", True, "missing")


def test_two_runs_without_a_result_in_common_do_not_pass(call: Call, tmp_path: Path) -> None:
    write_cell(tmp_path / "base", timed(0.99, 1.0, 1.01))
    write_cell(tmp_path / "head", timed(0.99, 1.0, 1.01, version=3))
    outcome = call("compare", tmp_path / "base", tmp_path / "head")
    assert outcome.code == 1
    assert "nothing was compared" in outcome.err


def test_how_long_a_training_took_is_no_exact_figure() -> None:
    base, head = (counted(7, values={"accuracy": 0.5, "seeds": [{"core_seconds": s}]}) for s in (30.0, 40.0))
    assert gate([base], [head]) == []


def test_intervals_of_independent_ratios_add_up() -> None:
    found = quotient(Interval(1.8, 2.0, 2.0 / 0.9), Interval(0.9, 1.0, 1.0 / 0.9))
    assert found.mid == pytest.approx(2.0)
    assert found.high / found.mid == pytest.approx(found.mid / found.low)
    assert 2.0 / 0.9 < found.high < 2.0 / 0.9**2


@pytest.fixture
def runs(tmp_path: Path) -> Callable[[int, int], tuple[Path, Path]]:
    def write(base: int, head: int) -> tuple[Path, Path]:
        folders = tmp_path / "base", tmp_path / "head"
        for folder, total in zip(folders, (base, head), strict=True):
            write_cell(folder, counted(total))
        return folders

    return write


def test_the_command_closes_the_gate(call: Call, runs: Callable[[int, int], tuple[Path, Path]]) -> None:
    outcome = call("compare", *runs(7, 8))
    assert outcome.code == 1
    assert "params: total" in outcome.out
    assert "1 results compared: 1 fail, 0 differ and pass" in outcome.out


def test_the_command_lets_equal_runs_pass(call: Call, runs: Callable[[int, int], tuple[Path, Path]]) -> None:
    outcome = call("compare", *runs(7, 7), "--json")
    assert (outcome.code, outcome.data) == (0, {"compared": 1, "failing": 0, "differences": []})


def benchmarks(path: Path, *comparisons: dict[str, Any]) -> Path:
    """A file as pytest-benchmark writes it, with a benchmark that compares nothing beside those that do."""
    described = [{"name": "loading", "extra_info": {}}, *({"extra_info": each, "stats": {}} for each in comparisons)]
    path.write_text(json.dumps({"datetime": "2026-01-01T00:00:00+00:00", "benchmarks": described, "version": "5"}))
    return path


def comparison(name: str, mid: float, **changes: Any) -> dict[str, Any]:
    around = {"low": mid * 0.99, "mid": mid, "high": mid / 0.99}
    told = {"comparison": name, "ratio": around, "anchor": "theirs", "anchored": around, "noise": [0.99, 1.01]}
    return {**told, "conditions": {"device": "cpu"}, "environment": ENVIRONMENT, "goal": 0.5, **changes}


class TestBenchmarks:
    """Two files of benchmarks."""

    def test_a_comparison_that_became_slower_fails(self, call: Call, tmp_path: Path) -> None:
        base = benchmarks(tmp_path / "base.json", comparison("prefill", 1.0), comparison("decoding", 1.0))
        head = benchmarks(tmp_path / "head.json", comparison("prefill", 1.3), comparison("decoding", 1.0))
        outcome = call("compare", base, head, "--json")
        assert (outcome.code, outcome.data["compared"], outcome.data["failing"]) == (1, 2, 1)
        (found,) = outcome.data["differences"]
        assert (found["what"], found["fails"]) == ("benchmarks: prefill, against theirs", True)

    def test_slower_than_its_goal_but_not_than_before_passes(self, call: Call, tmp_path: Path) -> None:
        files = [benchmarks(tmp_path / f"{name}.json", comparison("prefill", 2.0)) for name in ("base", "head")]
        assert call("compare", *files).code == 0

    def test_a_comparison_that_is_gone_fails(self, call: Call, tmp_path: Path) -> None:
        base = benchmarks(tmp_path / "base.json", comparison("prefill", 1.0))
        head = benchmarks(tmp_path / "head.json", comparison("decoding", 1.0))
        assert call("compare", base, head).code == 1

    def test_another_machine_fails(self, call: Call, tmp_path: Path) -> None:
        there = {**ENVIRONMENT, "hardware": {**ENVIRONMENT["hardware"], "processor": "slide rule"}}
        base = benchmarks(tmp_path / "base.json", comparison("prefill", 1.0))
        head = benchmarks(tmp_path / "head.json", comparison("prefill", 0.5, environment=there))
        outcome = call("compare", base, head)
        assert (outcome.code, "timed on another machine" in outcome.out) == (1, True)

    @pytest.mark.parametrize(
        ("text", "message"),
        [
            ("[" * 100_000, "not a file of benchmarks: the file: Invalid JSON: recursion limit exceeded"),
            ("{}", "not a file of benchmarks: datetime: Field required"),
            (
                '{"datetime": "", "benchmarks": [{"extra_info": {"comparison": "prefill"}}]}',
                "not a file of benchmarks: anchor: Field required",
            ),
            ('{"datetime": "", "benchmarks": []}', "no results to compare; `pytest tests/bench --benchmark-json"),
        ],
    )
    def test_another_file_is_told(self, call: Call, tmp_path: Path, text: str, message: str) -> None:
        path = tmp_path / "base.json"
        path.write_text(text)
        outcome = call("compare", path, path)
        assert outcome.code == 2
        assert outcome.err.startswith(f"{path}: {message}")


def test_a_folder_without_results_is_told(call: Call, tmp_path: Path) -> None:
    outcome = call("compare", tmp_path / "none", tmp_path)
    assert (outcome.code, outcome.out) == (2, "")
    assert "no results to compare" in outcome.err
