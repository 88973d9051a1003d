"""Comparing the times of two programs in one run: paired, in turns, with an interval."""

from __future__ import annotations

import random
import statistics
from collections.abc import Callable

from pytest_benchmark.fixture import BenchmarkFixture

Program = Callable[[], object]


def compare(
    benchmark: BenchmarkFixture, ours: Program, theirs: Program, pairs: int, clock: Callable[[], float]
) -> dict[str, float]:
    """Warm both up, and store the ratio of their times, ours to theirs, with its interval.

    Returns:
        The median `ratio` over pairs of runs that follow one another, and the 99 % interval, `low` to `high`, that
        resampling the pairs gives.
    """
    ours(), theirs()
    found = benchmark.pedantic(ratios, (ours, theirs, pairs, clock), rounds=1, iterations=1)
    draw = random.Random(1)
    medians = sorted(statistics.median(draw.choices(found, k=len(found))) for _ in range(2000))
    result = {"ratio": statistics.median(found), "low": medians[10], "high": medians[-11]}
    benchmark.extra_info.update(result, pairs=found)
    return result


def ratios(ours: Program, theirs: Program, pairs: int, clock: Callable[[], float]) -> list[float]:
    """Times of one over the other, pair by pair, each pair in random order."""
    found = []
    shuffle = random.Random(0)
    for _ in range(pairs):
        times = {}
        for candidate in shuffle.sample([ours, theirs], 2):
            started = clock()
            candidate()
            times[candidate] = clock() - started
        found.append(times[ours] / times[theirs])
    return found
