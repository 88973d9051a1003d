"""Progress on a terminal: a bar for the run, and one for each long measurement under way, with the time left."""

from __future__ import annotations

from rich.progress import BarColumn, MofNCompleteColumn, TaskID, TextColumn, TimeRemainingColumn
from rich.progress import Progress as RichProgress

from harness.cells import Cell
from harness.cli.output import console
from harness.progress import Progress
from harness.runner.execute import Watcher
from harness.runner.plan import PlannedCell

SPEED_OVER_S = 1800
"""The latest seconds by which a part's speed is judged; a process that times takes up to some minutes."""


class Bars(RichProgress, Watcher):
    """Bars of a run of so many cells.

    Args:
        done: cells that are done already.
        total: of all cells.
    """

    def __init__(self, done: int, total: int) -> None:
        text = TextColumn("{task.description}", markup=False)
        columns = text, BarColumn(), MofNCompleteColumn(), TimeRemainingColumn()
        super().__init__(*columns, console=console(stderr=True), speed_estimate_period=SPEED_OVER_S)
        self.run = self.add_task("measuring", completed=done, total=total)
        self.under_way: dict[PlannedCell, tuple[str, TaskID]] = {}

    def show(self, planned: PlannedCell, progress: Progress) -> None:
        """A cell is so far with a part. Each part has a bar of its own, for its estimate of what remains."""
        part, bar = self.under_way.get(planned, ("", TaskID(-1)))
        if part != progress.what:
            self._hide(planned)
            bar = self.add_task(f"{planned}, {progress.what}")
            self.under_way[planned] = progress.what, bar
        self.update(bar, completed=progress.done, total=progress.total)

    def done(self, planned: PlannedCell, cell: Cell) -> None:
        """A cell is done."""
        self._hide(planned)
        self.advance(self.run)

    def say(self, message: str) -> None:
        """A message above the bars."""
        self.console.print(message, markup=False)

    def _hide(self, planned: PlannedCell) -> None:
        if planned in self.under_way:
            self.remove_task(self.under_way.pop(planned)[1])
