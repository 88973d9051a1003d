"""Comparing the times of two programs, as all here is timed, and keeping the result in the benchmark file."""

from __future__ import annotations

import statistics
from collections.abc import Callable, Sequence
from typing import Any

from pytest_benchmark.fixture import BenchmarkFixture

from harness.timing import Samples, compared, conditions, in_fresh_processes

Sample = Callable[[dict[str, Any], int], Samples]
"""Times the candidates `ours` and `theirs`, which it also controls, in a process of its own; see `harness.timing`."""


def compare(benchmark: BenchmarkFixture, sample: Sample, settings: dict[str, Any], processes: int) -> dict[str, Any]:
    """Time both, and store seconds a call of ours as the benchmark, and the ratio to theirs beside it.

    Args:
        benchmark: the fixture.
        sample: a function of a module.
        settings: what it is called with.
        processes: how many.

    Returns:
        As `harness.timing.compared` gives it.
    """
    runs: Sequence[Samples] = benchmark.pedantic(in_fresh_processes, (sample, settings, processes), rounds=1)
    result = compared(runs, "ours", "theirs")
    benchmark.extra_info.update(result, conditions=conditions(), samples=runs)
    # The fixture's own time is that of the whole run; its history is to be that of the program.
    benchmark.stats.stats.data[:] = [statistics.median(run["ours"]) for run in runs]
    return result
