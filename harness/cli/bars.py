"""Progress on the standard error: a bar for the run, and one for each long measurement under way."""

from __future__ import annotations

from rich.progress import BarColumn, MofNCompleteColumn, TaskID, TextColumn, TimeRemainingColumn
from rich.progress import Progress as RichProgress

from harness.cli.output import console
from harness.progress import Progress
from harness.runner.plan import PlannedCell


class Bars(RichProgress):
    """Bars of a run of so many cells.

    Args:
        done: cells that are done already.
        total: of all cells.
    """

    def __init__(self, done: int, total: int) -> None:
        text = TextColumn("{task.description}", markup=False)
        super().__init__(text, BarColumn(), MofNCompleteColumn(), TimeRemainingColumn(), console=console(stderr=True))
        self.run = self.add_task("measuring", completed=done, total=total)
        self.under_way: dict[PlannedCell, tuple[str, TaskID]] = {}

    def show(self, planned: PlannedCell, progress: Progress) -> None:
        """A cell is so far with a part; each part has a bar of its own, for its estimate of what remains."""
        part, bar = self.under_way.get(planned, ("", TaskID(-1)))
        if part != progress.what:
            self._hide(planned)
            whose = f"{planned.spec.name}, {planned.metric}" if planned.spec else planned.metric
            bar = self.add_task(f"{whose}, {progress.what}")
            self.under_way[planned] = progress.what, bar
        self.update(bar, completed=progress.done, total=progress.total)

    def done(self, planned: PlannedCell) -> None:
        """A cell is done."""
        self._hide(planned)
        self.advance(self.run)

    def _hide(self, planned: PlannedCell) -> None:
        if planned in self.under_way:
            self.remove_task(self.under_way.pop(planned)[1])
