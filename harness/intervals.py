"""Means of a few figures with their 99 % intervals: of processes, of seeds, and of pairs of them."""

from __future__ import annotations

import math
import statistics
from collections.abc import Sequence
from dataclasses import dataclass

T_99 = {1: 63.657, 2: 9.925, 3: 5.841, 4: 4.604, 5: 4.032, 6: 3.707, 7: 3.499, 8: 3.355, 9: 3.250}
"""Student's t for a two-sided interval of 99 %, by degrees of freedom."""


@dataclass(frozen=True)
class Interval:
    """A figure with its 99 % interval."""

    low: float
    mid: float
    high: float

    def overlaps(self, other: Interval) -> bool:
        """Whether the two have a value in common."""
        return self.low <= other.high and other.low <= self.high

    def times(self, factor: float) -> Interval:
        """The interval of the figure multiplied by a positive number."""
        return Interval(self.low * factor, self.mid * factor, self.high * factor)


def arithmetic(values: Sequence[float]) -> Interval:
    """Mean and interval of figures, one a process or seed; of a single one the interval is everything."""
    mid = statistics.fmean(values)
    if len(values) < 2:
        return Interval(-math.inf, mid, math.inf)
    half = T_99[min(len(values) - 1, max(T_99))] * statistics.stdev(values) / math.sqrt(len(values))
    return Interval(mid - half, mid, mid + half)


def geometric(values: Sequence[float]) -> Interval:
    """Mean and interval of positive figures on a logarithmic scale: ratios have no other."""
    logs = arithmetic([math.log(value) for value in values])
    return Interval(math.exp(logs.low), math.exp(logs.mid), math.exp(logs.high))


def paired(ones: Sequence[float], others: Sequence[float]) -> Interval:
    """The mean difference of two models that share their seeds: what both owe to a seed falls out of it."""
    return arithmetic([one - other for one, other in zip(ones, others, strict=True)])
