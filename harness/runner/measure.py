"""The result of one cell, or the reason why there is none."""

from __future__ import annotations

import time
from contextlib import AbstractContextManager, nullcontext
from datetime import UTC, datetime
from typing import Any, Literal

from harness.cells import Cell, environment, record
from harness.errors import HarnessError
from harness.runner.load import seen
from harness.runner.plan import PlannedCell


def measure(planned: PlannedCell) -> Cell:
    """Measure it in this process. Whatever a metric raises makes a cell that failed, and the others go on."""
    watched: AbstractContextManager[dict[str, Any]] = seen() if planned.timed else nullcontext({})
    started = time.perf_counter()
    try:
        with watched as during:
            values = planned.values()
        cell = _cell(planned, "ok", time.perf_counter() - started, values=values, during=during)
        cell.model_dump_json()  # what cannot be stored is a mistake of the metric, too
        return cell
    except HarnessError as error:
        reason = str(error)
    except MemoryError:
        reason = f"{planned.metric} of {planned.subject}: memory ran out"
    except BaseException as error:  # native code panics in one that is no Exception
        reason = f"{planned.metric} of {planned.subject}: {type(error).__name__}: {error}"
    return _cell(planned, "failed", time.perf_counter() - started, reason=reason)


def failure(planned: PlannedCell, reason: str, seconds: float) -> Cell:
    """The result of a cell whose process could not tell why there is none."""
    return _cell(planned, "failed", seconds, reason=f"{planned.metric} of {planned.subject}: {reason}")


def _cell(planned: PlannedCell, status: Literal["ok", "failed"], seconds: float, **outcome: Any) -> Cell:
    return Cell(
        spec=record(planned.spec) if planned.spec else None,
        metric=planned.metric,
        version=planned.version,
        settings=planned.settings,
        environment=environment(),
        created=datetime.now(UTC).isoformat(timespec="microseconds"),
        seconds=seconds,
        status=status,
        **outcome,
    )
