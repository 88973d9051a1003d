"""What the bars of a run say."""

from __future__ import annotations

import io

import pytest

from harness.cli.bars import Bars
from harness.progress import Progress
from harness.runner.plan import PlannedCell
from harness.spec import load_spec
from tests.cli.calling import Call
from tests.cli.test_lines import cell_of
from tests.runner import toys


def said(bars: Bars) -> list[tuple[str, float, float | None]]:
    return [(task.description, task.completed, task.total) for task in bars.tasks]


def test_each_part_of_a_cell_under_way_has_a_bar_until_the_next() -> None:
    trained, timed = PlannedCell(load_spec("llama-7b"), "icl", {}), PlannedCell(None, "attention", {})
    bars = Bars(1, 3)
    bars.begin(trained)
    assert said(bars) == [("measuring", 1, 3)]
    bars.show(trained, Progress("seed 0", 200, 1500))
    bars.show(trained, Progress("seed 0", 300, 1500))
    bars.show(timed, Progress("processes", 1, 5))
    both = [("llama-7b, icl, seed 0", 300, 1500), ("attention, processes", 1, 5)]
    assert said(bars) == [("measuring", 1, 3), *both]
    bars.show(trained, Progress("seed 1", 0, 1500))
    assert said(bars) == [("measuring", 1, 3), both[1], ("llama-7b, icl, seed 1", 0, 1500)]
    bars.done(trained, cell_of(trained))
    bars.done(timed, cell_of(timed))
    assert said(bars) == [("measuring", 3, 3)]


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


@pytest.mark.parametrize(("kind", "bars"), [("xterm", True), ("dumb", False)])
def test_bars_are_for_a_terminal_that_can_move_them(
    call: Call, monkeypatch: pytest.MonkeyPatch, kind: str, bars: bool
) -> None:
    toys.lend(monkeypatch)
    monkeypatch.setattr("harness.cli.run.plan", toys.plan_toys)
    terminal = Terminal()
    monkeypatch.setattr("sys.stderr", terminal)
    monkeypatch.setenv("TERM", kind)
    assert call("run", "llama-7b", "--metrics", "toy", "--processes", 1).code == 0
    shown = terminal.getvalue()
    assert ("measuring" in shown, "1 of 1: llama-7b, toy: ok, took 0:00:00" in shown) == (bars, not bars)
