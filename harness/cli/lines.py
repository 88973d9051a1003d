"""Progress where there is no terminal: a line for each cell that is done, and for one that takes long now and then."""

from __future__ import annotations

import sys
import time
from contextlib import AbstractContextManager, suppress
from datetime import timedelta
from types import TracebackType

from harness.cells import Cell
from harness.progress import Progress, every
from harness.runner.execute import Watcher
from harness.runner.plan import PlannedCell

EVERY_S = 30.0
"""Seconds between lines about the cells under way, whether or not these tell how far they are."""


class Lines(Watcher):
    """Lines of a run of so many cells, on the standard error.

    Args:
        done: cells that are done already.
        total: of all cells.
    """

    def __init__(self, done: int, total: int) -> None:
        self.finished, self.total = done, total
        self.stream = sys.stderr  # as it is now: an evaluation sends elsewhere what others write meanwhile
        self.under_way: dict[PlannedCell, tuple[float, Progress | None]] = {}
        self._beat: AbstractContextManager[None] = every(EVERY_S, self._tell)

    def __enter__(self) -> Lines:
        self._beat.__enter__()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._beat.__exit__(kind, error, trace)

    def begin(self, planned: PlannedCell) -> None:
        """A cell begins."""
        self.under_way[planned] = time.monotonic(), None

    def show(self, planned: PlannedCell, progress: Progress) -> None:
        """A cell is so far with a part; the next line about it says so."""
        began, _ = self.under_way[planned]
        self.under_way[planned] = began, progress

    def done(self, planned: PlannedCell, cell: Cell) -> None:
        """A cell is done."""
        del self.under_way[planned]
        self.finished += 1
        self.say(f"{self.finished} of {self.total}: {planned}: {cell.status}, took {_duration(cell.seconds)}")

    def say(self, message: str) -> None:
        """A line, written at once, so that two threads do not mix theirs."""
        self.stream.write(f"{message}\n")
        self.stream.flush()

    def _tell(self) -> None:
        for planned, (began, progress) in list(self.under_way.items()):
            part = f"{progress.what}, {progress.done} of {progress.total}" if progress else "under way"
            with suppress(OSError):  # if nobody reads any more, the next cell that is done finds out
                self.say(f"{planned}: {part}, {_duration(time.monotonic() - began)} so far")


def _duration(seconds: float) -> timedelta:
    """Whole seconds, printed as hours, minutes and seconds."""
    return timedelta(seconds=int(seconds))
