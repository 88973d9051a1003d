"""Measures planned cells in processes of one thread each, and stores every result as soon as it is there."""

from __future__ import annotations

import math
import multiprocessing
import os
import signal
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from datetime import UTC, datetime
from functools import partial
from multiprocessing import resource_tracker
from multiprocessing.connection import Connection, wait
from pathlib import Path
from typing import Any

from harness.cells import Cell, environment, record, write_cell
from harness.errors import HarnessError
from harness.progress import Listener, Progress, heard_by
from harness.runner.plan import PlannedCell

Worker = Connection
"""The parent's, or the process's, end of a pipe: planned cells go one way, progress and results the other."""


class Watcher:
    """Who is told how a run goes, and here lets it pass."""

    def begin(self, planned: PlannedCell) -> None:
        """A cell begins."""

    def show(self, planned: PlannedCell, progress: Progress) -> None:
        """A cell is so far; called some times a second."""


TOLD_EVERY_S = 0.2
PATIENCE_S = 5


def execute(
    cells: list[PlannedCell], folder: Path, processes: int | None = None, watcher: Watcher | None = None
) -> Iterator[tuple[PlannedCell, Cell]]:
    """Measure cells and store them; give each with its result as soon as it is done.

    What is timed comes last, one after the other, with nothing beside it. A metric that fails on its input gives a
    cell with status `failed`; the others go on. What was stored before an interruption stays.

    Args:
        cells: what to measure.
        folder: of the run.
        processes: how many work side by side; left out, one a core.
        watcher: told which cells begin, and how far those are that take long.
    """
    watcher = watcher or Watcher()
    together = [cell for cell in cells if not cell.timed]
    yield from _executed(together, folder, min(processes or os.cpu_count() or 1, len(together)), watcher)
    yield from _executed([cell for cell in cells if cell.timed], folder, 1, watcher)


def _executed(
    cells: list[PlannedCell], folder: Path, processes: int, watcher: Watcher
) -> Iterator[tuple[PlannedCell, Cell]]:
    if processes <= 1:
        _on_one_thread()
        for cell in cells:
            watcher.begin(cell)
            with heard_by(_now_and_then(partial(watcher.show, cell))):
                result = measure(cell)
            yield cell, _stored(result, folder)
        return
    with _workers(processes) as idle:
        waiting = iter(cells)
        busy: dict[Worker, PlannedCell] = {}

        def begin(worker: Worker, planned: PlannedCell) -> None:
            watcher.begin(planned)
            busy[worker] = _sent(worker, planned)

        for worker, planned in zip(idle, waiting, strict=False):
            begin(worker, planned)
        while busy:
            ready = wait(list(busy))
            for worker in [each for each in busy if each in ready]:
                received = _received(worker)
                if isinstance(received, Progress):
                    watcher.show(busy[worker], received)
                    continue
                planned = busy.pop(worker)
                if (following := next(waiting, None)) is not None:
                    begin(worker, following)
                yield planned, _stored(received, folder)


@contextmanager
def _workers(count: int) -> Iterator[list[Worker]]:
    """Connections to processes that measure what is sent to them; behind the context the processes are ended."""
    context = multiprocessing.get_context("spawn")
    pairs = [context.Pipe() for _ in range(count)]
    processes = [context.Process(target=_work, args=(theirs,)) for _, theirs in pairs]
    try:
        with _interruptions_held():
            for process, (_, theirs) in zip(processes, pairs, strict=True):
                process.start()
                theirs.close()  # so that the pipe breaks when the process, its only holder, ends
        yield [ours for ours, _ in pairs]
        for ours, _ in pairs:
            ours.close()  # those that wait for more end by themselves, and leave nothing behind
        for process in processes:
            process.join(PATIENCE_S)
    finally:
        for process in processes:
            if process.is_alive():
                process.terminate()  # it works on what nobody waits for any more
                process.join()


def _work(parent: Worker) -> None:
    """Measure what the parent sends until there is nothing more, and end with it, however that ends."""
    _on_one_thread()
    threading.Thread(target=_follow_parent, daemon=True).start()
    with suppress(EOFError, OSError):  # the parent has closed the pipe
        while True:
            planned = parent.recv()
            with heard_by(_now_and_then(parent.send)):
                result = measure(planned)
            parent.send(result)


def _on_one_thread() -> None:
    """Cells share the cores, and more threads would add numbers up in another order."""
    os.environ["OMP_NUM_THREADS"] = "1"  # read when torch is imported, which is mostly later
    if "torch" in sys.modules:
        sys.modules["torch"].set_num_threads(1)


def _sent(worker: Worker, planned: PlannedCell) -> PlannedCell:
    with suppress(OSError):  # a process that has died is told of when its result is asked for
        worker.send(planned)
    return planned


def _now_and_then(listener: Listener) -> Listener:
    """The listener, not bothered more than some times a second."""
    last = -math.inf

    def listening(progress: Progress) -> None:
        nonlocal last
        now = time.monotonic()
        if now - last >= TOLD_EVERY_S:
            last = now
            listener(progress)

    return listening


def _received(worker: Worker) -> Cell | Progress:
    try:
        received: Cell | Progress = worker.recv()
    except (EOFError, OSError):
        raise HarnessError(
            "a process that measured died, perhaps for want of memory; what was done by then is stored, and the same "
            "command goes on from there; --processes 1 needs the least memory"
        ) from None
    return received


def measure(planned: PlannedCell) -> Cell:
    """The result of one cell, or the reason why there is none."""
    outcome: dict[str, Any]
    started = time.perf_counter()
    try:
        outcome = {"status": "ok", "values": planned.values()}
    except HarnessError as error:
        outcome = {"status": "failed", "reason": str(error)}
    except Exception as error:  # a mistake in one metric is told with its cell, and the other cells go on
        reason = f"{planned.metric} of {planned.subject}: {type(error).__name__}: {error}"
        outcome = {"status": "failed", "reason": reason}
    return Cell(
        spec=record(planned.spec) if planned.spec else None,
        metric=planned.metric,
        version=planned.version,
        settings=planned.settings,
        environment=environment(),
        created=datetime.now(UTC).isoformat(timespec="microseconds"),
        seconds=time.perf_counter() - started,
        **outcome,
    )


def _stored(cell: Cell, folder: Path) -> Cell:
    write_cell(folder, cell)
    return cell


@contextmanager
def _interruptions_held() -> Iterator[None]:
    """Hold an interruption back. Processes that start meanwhile get none ever: to tell of it is left to this one."""
    if not hasattr(signal, "pthread_sigmask"):
        yield
        return
    resource_tracker.ensure_running()  # starting it would let interruptions through again
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


def _follow_parent() -> None:
    parent = multiprocessing.parent_process()
    if parent is not None:
        parent.join()
        os._exit(1)
