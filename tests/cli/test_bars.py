"""What the bars of a run say."""

from __future__ import annotations

from harness.cli.bars import Bars
from harness.progress import Progress
from harness.runner.plan import PlannedCell
from harness.spec import load_spec


def said(bars: Bars) -> list[tuple[str, float, float | None]]:
    return [(task.description, task.completed, task.total) for task in bars.tasks]


def test_each_part_of_a_cell_under_way_has_a_bar_until_the_next() -> None:
    trained, timed = PlannedCell(load_spec("llama-7b"), "icl", {}), PlannedCell(None, "attention", {})
    bars = Bars(1, 3)
    bars.show(trained, Progress("seed 0", 200, 1500))
    bars.show(trained, Progress("seed 0", 300, 1500))
    bars.show(timed, Progress("processes", 1, 5))
    both = [("llama-7b, icl, seed 0", 300, 1500), ("attention, processes", 1, 5)]
    assert said(bars) == [("measuring", 1, 3), *both]
    bars.show(trained, Progress("seed 1", 0, 1500))
    assert said(bars) == [("measuring", 1, 3), both[1], ("llama-7b, icl, seed 1", 0, 1500)]
    bars.done(trained)
    bars.done(timed)
    assert said(bars) == [("measuring", 3, 3)]
