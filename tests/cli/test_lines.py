"""What a run says where there is no terminal."""

from __future__ import annotations

import io
import re
from contextlib import redirect_stderr

import pytest

from harness.cells import Cell
from harness.cli import lines
from harness.cli.lines import Lines
from harness.progress import Progress
from harness.runner.plan import PlannedCell
from harness.spec import load_spec
from tests.cli.calling import Call
from tests.report.cells import ENVIRONMENT
from tests.runner import toys


def cell_of(planned: PlannedCell, status: str = "ok", seconds: float = 83.9) -> Cell:
    """A result that took a while."""
    return Cell.model_validate(
        {
            "spec": None,
            "metric": planned.metric,
            "version": 1,
            "settings": {},
            "environment": ENVIRONMENT,
            "status": status,
            "created": "2026-01-01T00:00:00+00:00",
            "seconds": seconds,
        }
    )


def test_a_line_for_each_cell_that_is_done(capsys: pytest.CaptureFixture[str]) -> None:
    trained, timed = PlannedCell(load_spec("llama-7b"), "icl", {}), PlannedCell(None, "attention", {})
    with Lines(1, 3) as shown:
        for planned in (trained, timed):
            shown.begin(planned)
        shown.done(trained, cell_of(trained))
        shown.done(timed, cell_of(timed, "failed", 3725))
    assert capsys.readouterr().err.splitlines() == [
        "2 of 3: llama-7b, icl: ok, took 0:01:23",
        "3 of 3: attention: failed, took 1:02:05",
    ]


def test_what_takes_long_is_told_of_again_and_again(capsys: pytest.CaptureFixture[str]) -> None:
    trained, silent = PlannedCell(load_spec("llama-7b"), "icl", {}), PlannedCell(None, "attention", {})
    shown = Lines(0, 2)
    shown.begin(trained)
    shown.begin(silent)
    shown.show(trained, Progress("seed 0", 200, 1500))
    shown._tell()
    assert capsys.readouterr().err.splitlines() == [
        "llama-7b, icl: seed 0, 200 of 1500, 0:00:00 so far",
        "attention: under way, 0:00:00 so far",
    ]


class TestSlowCells:
    """Runs of cells that take a second or more, with lines that come ten times a second."""

    @pytest.fixture(autouse=True)
    def often(self, monkeypatch: pytest.MonkeyPatch) -> None:
        toys.lend(monkeypatch)
        monkeypatch.setattr("harness.cli.run.plan", toys.plan_toys)
        monkeypatch.setattr(lines, "EVERY_S", 0.1)

    @pytest.mark.parametrize("processes", [1, 2])
    def test_that_tell_nothing(self, call: Call, processes: int) -> None:
        outcome = call("run", "llama-7b", "llama-13b", "--metrics", "slow", "--processes", processes)
        assert outcome.code == 0
        for name in ("llama-7b", "llama-13b"):
            assert len(re.findall(f"^{name}, slow: under way, 0:00:0\\d so far$", outcome.err, re.MULTILINE)) >= 3
            assert len(re.findall(f"^\\d of 2: {name}, slow: ok, took 0:00:0\\d$", outcome.err, re.MULTILINE)) == 1

    def test_that_wait_for_processes_of_their_own(self, call: Call) -> None:
        outcome = call("run", "llama-7b", "--metrics", "timing")
        assert outcome.code == 0
        told = re.findall(r"^llama-7b, timing: processes, (\d) of 2, \d:\d\d:\d\d so far$", outcome.err, re.MULTILINE)
        assert min(told.count("0"), told.count("1")) >= 3
        assert outcome.err.splitlines()[-1].startswith("1 of 1: llama-7b, timing: ok, took ")

    def test_beside_one_that_fails(self, call: Call) -> None:
        outcome = call("run", "llama-13b", "--metrics", "slow,refusing", "--processes", 1)
        assert outcome.code == 1
        assert "2 of 2: llama-13b, refusing: failed, took 0:00:00" in outcome.err.splitlines()
        assert outcome.err.splitlines()[-1] == "llama-13b: no such number"


def test_lines_come_while_what_is_measured_sends_the_errors_elsewhere(capsys: pytest.CaptureFixture[str]) -> None:
    told = Lines(0, 1)
    with redirect_stderr(io.StringIO()):
        told.say("still there")
    assert capsys.readouterr().err == "still there\n"
