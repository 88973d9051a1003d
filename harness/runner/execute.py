"""Measures planned cells in processes of one thread each, and stores every result as soon as it is there."""

from __future__ import annotations

import multiprocessing
import os
import signal
import time
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor, as_completed
from datetime import UTC, datetime
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
    pool = ProcessPoolExecutor(processes, mp_context=context, initializer=_prepare_worker)
    try:
        running = {pool.submit(measure, cell): cell for cell in cells}
        for future in as_completed(running):
            yield running[future], _stored(future.result(), folder)
    finally:
        pool.shutdown(wait=False, cancel_futures=True)


def measure(planned: PlannedCell) -> Cell:
    """The result of one cell, or the reason why there is none."""
    metric = metrics[planned.metric]()
    outcome: dict[str, Any]
    started = time.perf_counter()
    try:
        outcome = {"status": "ok", "values": metric.measure(planned.spec, planned.settings)}
    except HarnessError as error:
        outcome = {"status": "failed", "reason": str(error)}
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


def _prepare_worker() -> None:
    """Share the cores instead of fighting over them, and leave an interruption to the parent to tell of."""
    os.environ["OMP_NUM_THREADS"] = "1"  # read when torch is imported, which is later
    signal.signal(signal.SIGINT, signal.SIG_IGN)
