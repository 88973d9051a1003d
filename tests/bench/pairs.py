"""Comparing the times of two programs: measured as all here is timed, recorded in the benchmark file, and told.

Nothing here judges. What is slower is recorded as slower and told at the end; `harness compare` is the gate between two
runs. What fails is what is exact, and what cannot be measured.
"""

from __future__ import annotations

import os
import statistics
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from pytest_benchmark.fixture import BenchmarkFixture

from harness.cells import environment
from harness.timing import Samples, compared, conditions, control, in_fresh_processes

Sample = Callable[[dict[str, Any], int], Mapping[str, Samples]]
"""Times candidates in a process of its own, and gives samples by case; see `harness.timing`."""


@dataclass(frozen=True)
class Measured:
    """What several processes gave.

    Attributes:
        runs: samples of each process, by case.
        conditions: under which they were taken, with the load average before and after.
    """

    runs: Sequence[Mapping[str, Samples]]
    conditions: dict[str, Any]


def measure(sample: Sample, settings: dict[str, Any], processes: int) -> Measured:
    """Samples of a function of a module, from so many processes."""
    before = os.getloadavg()[0]
    runs = in_fresh_processes(sample, settings, processes)
    load = {"before": before, "after": os.getloadavg()[0]}
    return Measured(runs, {**conditions(), "load_average": load})


@dataclass(frozen=True)
class Comparison:
    """How long one candidate takes in times of another.

    Attributes:
        name: what is compared, in words.
        case: in which of the samples.
        of: the candidate whose time is divided.
        to: the candidate by whose time it is divided.
        controlled: the candidate that ran twice in every round; left out, `to`.
        anchor: the candidate that no change of this program makes faster; left out, `to`.
        goal: the ratio that is wanted, of which nothing depends.
    """

    name: str
    case: str
    of: str
    to: str
    controlled: str = ""
    anchor: str = ""
    goal: float | None = None


def record(benchmark: BenchmarkFixture, measured: Measured, comparison: Comparison) -> dict[str, Any]:
    """Keep the seconds of a call as the benchmark, and beside them how they compare, and where; gives what is beside.

    Args:
        benchmark: the fixture.
        measured: by processes.
        comparison: of which candidates.
    """
    runs = [run[comparison.case] for run in measured.runs]
    of, to, controlled = comparison.of, comparison.to, comparison.controlled or comparison.to
    result = compared(runs, of, to, controlled=controlled, anchor=comparison.anchor)
    named = dict.fromkeys([of, to, result["anchor"], controlled, control(controlled)])
    benchmark.extra_info.update(
        comparison=comparison.name,
        goal=comparison.goal,
        **result,
        conditions=measured.conditions,
        environment=environment(),
        samples=[{name: run[name] for name in named} for run in runs],
    )
    benchmark.pedantic(lambda: None, rounds=1)
    if benchmark.enabled:  # its times are to be those of the candidate
        benchmark.stats.stats.data[:] = [statistics.median(run[of]) for run in runs]
    return benchmark.extra_info


Compare = Callable[[Measured, Comparison], dict[str, Any]]
"""Records one comparison and keeps it for the table at the end: the fixture `compare`."""
Remark = Callable[[str], None]
"""Keeps a line for the end: the fixture `remark`."""
