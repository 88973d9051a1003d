"""Measures planned cells in processes of one thread each, and stores every result as soon as it is there."""

from __future__ import annotations

import multiprocessing
import os
import signal
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor, as_completed
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager
from datetime import UTC, datetime
from multiprocessing import resource_tracker
from pathlib import Path
from typing import Any

from harness.errors import HarnessError
from harness.metrics import metrics
from harness.results import Cell, environment, record, write_cell
from harness.runner.plan import PlannedCell


def execute(cells: list[PlannedCell], folder: Path, processes: int | None = None) -> Iterator[tuple[PlannedCell, Cell]]:
    """Measure cells and store them; give each with its result as soon as it is done.

    A metric that fails on its input gives a cell with status `failed`; the others go on. What was stored before an
    interruption stays.

    Args:
        cells: what to measure.
        folder: of the run.
        processes: how many work side by side; left out, one a core.
    """
    processes = min(processes or os.cpu_count() or 1, len(cells))
    if processes <= 1:
        for cell in cells:
            yield cell, _stored(measure(cell), folder)
        return
    context = multiprocessing.get_context("spawn")
    others = multiprocessing.active_children()
    pool = ProcessPoolExecutor(processes, mp_context=context, initializer=_prepare_worker)
    try:
        with _interruptions_held():
            running = {pool.submit(measure, cell): cell for cell in cells}
        for future in as_completed(running):
            yield running[future], _stored(future.result(), folder)
    except BrokenProcessPool:
        raise HarnessError(
            "a process that measured died, perhaps for want of memory; what was done by then is stored, and the same "
            "command goes on from there; --processes 1 needs the least memory"
        ) from None
    finally:
        pool.shutdown(wait=False, cancel_futures=True)
        for process in multiprocessing.active_children():
            if process not in others:
                process.terminate()  # it works on what nobody waits for any more


def measure(planned: PlannedCell) -> Cell:
    """The result of one cell, or the reason why there is none."""
    metric = metrics[planned.metric]()
    outcome: dict[str, Any]
    started = time.perf_counter()
    try:
        outcome = {"status": "ok", "values": metric.measure(planned.spec, planned.settings)}
    except HarnessError as error:
        outcome = {"status": "failed", "reason": str(error)}
    except Exception as error:  # a mistake in one metric is told with its cell, and the other cells go on
        reason = f"{planned.metric} of {planned.spec.name}: {type(error).__name__}: {error}"
        outcome = {"status": "failed", "reason": reason}
    return Cell(
        spec=record(planned.spec),
        metric=planned.metric,
        version=metric.version,
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


def _prepare_worker() -> None:
    """Share the cores instead of fighting over them, and end with the parent, however that ends."""
    os.environ["OMP_NUM_THREADS"] = "1"  # read when torch is imported, which is later
    threading.Thread(target=_follow_parent, daemon=True).start()


def _follow_parent() -> None:
    parent = multiprocessing.parent_process()
    if parent is not None:
        parent.join()
        os._exit(1)
