"""What disturbs a timing: other processes, and cores that change their speed."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

TURNS = 20_000
"""Of the loop that tells a core's speed: a millisecond or two."""
BUSY = 0.1
"""The share of a core from which on another process is told as busy."""
PROC = Path("/proc")


@contextmanager
def seen() -> Iterator[dict[str, Any]]:
    """A dict that holds, behind the context, what was seen of the machine within it.

    `load_average` of the last minute and `core_speeds`, the turns a second of a plain loop on each core, before and
    after; `others_cores`, the number of cores that other processes kept busy on the mean, and `busy_processes`, how
    many of these there were. What the system does not tell is left out.
    """
    found: dict[str, Any] = {}
    speeds, load, clock, before = _core_speeds(), os.getloadavg()[0], time.monotonic(), _processor_seconds()
    yield found
    elapsed, after = time.monotonic() - clock, _processor_seconds()
    found["load_average"] = [load, os.getloadavg()[0]]
    found["core_speeds"] = [speeds, _core_speeds()]
    others = _others(before, after)
    if others is not None and elapsed > 0:
        shares = [seconds / elapsed for seconds in others]
        found["others_cores"] = round(sum(shares), 3)
        found["busy_processes"] = sum(share >= BUSY for share in shares)


def _core_speeds() -> list[float]:
    """Turns a second on each core that this process may use, the best of three."""
    if not hasattr(os, "sched_setaffinity"):
        return [_speed()]
    allowed = os.sched_getaffinity(0)
    speeds = []
    try:
        for core in sorted(allowed):
            os.sched_setaffinity(0, {core})
            speeds.append(max(_speed() for _ in range(3)))
    finally:
        os.sched_setaffinity(0, allowed)
    return speeds


def _speed() -> float:
    began = time.perf_counter()
    for _ in range(TURNS):
        pass
    return round(TURNS / (time.perf_counter() - began))


def _processor_seconds() -> dict[int, tuple[int, float]]:
    """The group and the processor time so far of each process that there is."""
    found = {}
    tick = os.sysconf("SC_CLK_TCK")
    for path in PROC.glob("[0-9]*/stat"):
        with suppress(OSError, ValueError, IndexError):
            fields = path.read_text().rpartition(")")[2].split()
            found[int(path.parent.name)] = int(fields[2]), (int(fields[11]) + int(fields[12])) / tick
    return found


def _others(before: dict[int, tuple[int, float]], after: dict[int, tuple[int, float]]) -> list[float] | None:
    """Processor seconds between two looks of each process of another group; None where the system tells of none."""
    if not after:
        return None
    return [
        seconds - before.get(pid, (group, 0.0))[1] for pid, (group, seconds) in after.items() if group != os.getpgrp()
    ]
