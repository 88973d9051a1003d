"""Measures planned cells in processes of their own, and stores every result as soon as it is there."""

from __future__ import annotations

import os
from collections import deque
from collections.abc import Callable, Generator, Iterator
from multiprocessing.connection import wait
from pathlib import Path

from harness.cells import Cell, write_cell
from harness.errors import HarnessError
from harness.files import cache_folder, sweep, try_folder
from harness.progress import Progress
from harness.runner.limits import Limits
from harness.runner.measure import failure
from harness.runner.plan import PlannedCell
from harness.runner.worker import LOOKED_EVERY_S, Worker


class Watcher:
    """Who is told how a run goes, and here lets it pass."""

    def begin(self, planned: PlannedCell) -> None:
        """A cell begins."""

    def show(self, planned: PlannedCell, progress: Progress) -> None:
        """A cell is so far; called some times a second."""


LimitsOf = Callable[[PlannedCell], Limits]


def execute(
    cells: list[PlannedCell],
    folder: Path,
    processes: int | None = None,
    watcher: Watcher | None = None,
    limits: LimitsOf = lambda _: Limits(),
) -> Generator[tuple[PlannedCell, Cell], None, None]:
    """Measure cells and store them; give each with its result as soon as it is done.

    What is timed comes last, one after the other, with nothing beside it. A metric that fails on its input, or takes
    its process with it, or more time or memory than it may, gives a cell with status `failed`; the others go on. What
    was stored before an interruption stays.

    Args:
        cells: what to measure.
        folder: of the run.
        processes: how many work side by side; left out, one a core.
        watcher: told which cells begin, and how far those are that take long.
        limits: what a cell may take; raises HarnessError for one that cannot do with that.

    Raises:
        HarnessError: nothing can be written to the folder; then nothing is measured.
    """
    if not cells:
        return
    watcher = watcher or Watcher()
    try_folder(folder / "results")
    try:
        together = [cell for cell in cells if not cell.timed]
        yield from _executed(together, folder, processes or os.cpu_count() or 1, watcher, limits)
        yield from _executed([cell for cell in cells if cell.timed], folder, 1, watcher, limits)
    finally:
        for each in (folder / "results", cache_folder() / "trained"):
            sweep(each)


def _executed(
    cells: list[PlannedCell], folder: Path, processes: int, watcher: Watcher, limits: LimitsOf
) -> Iterator[tuple[PlannedCell, Cell]]:
    waiting = deque(cells)
    workers: list[Worker] = []
    try:
        while waiting or any(worker.task for worker in workers):
            while waiting and (idle := _idle(workers, processes)):
                planned = waiting.popleft()
                watcher.begin(planned)
                try:
                    idle.begin(planned, limits(planned))
                except HarnessError as error:
                    yield planned, _stored(failure(planned, str(error), 0.0), folder)
            busy = {worker.pipe: worker for worker in workers if worker.task}
            wait(list(busy), LOOKED_EVERY_S)
            for worker in busy.values():
                assert worker.task
                planned, received = worker.task.planned, worker.received()
                if isinstance(received, Progress):
                    watcher.show(planned, received)
                elif received:
                    yield planned, _stored(received, folder)
        for worker in workers:
            worker.dismiss()
    finally:
        for worker in workers:
            worker.end()


def _stored(cell: Cell, folder: Path) -> Cell:
    write_cell(folder, cell)
    return cell


def _idle(workers: list[Worker], processes: int) -> Worker | None:
    """A worker that has nothing to do, in place of one that died where need be; None where all are at work."""
    for worker in workers[:]:
        if not worker.task and worker.process.is_alive():
            return worker
        if not worker.task:
            worker.end()
            workers.remove(worker)
    if len(workers) >= processes:
        return None
    workers.append(Worker())
    return workers[-1]
