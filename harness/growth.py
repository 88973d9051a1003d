"""How a cost grows with the length: which law fits it best, and with which exponent."""

from __future__ import annotations

import math
import statistics
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from harness.timing import T_99, Interval

LAWS = {
    "n": lambda n: n,
    "n log n": lambda n: n * math.log2(n),
    "n\N{SQUARE ROOT}n": lambda n: n * math.sqrt(n),
    "n\N{SUPERSCRIPT TWO}": lambda n: n * n,
}
"""What a cost may be proportional to, beside a part that does not grow."""


@dataclass(frozen=True)
class Fit:
    """Cost = constant + factor x law(n).

    Attributes:
        aicc: Akaike's criterion, corrected for few points, of each law; the law chosen has the least. Hurvich and Tsai
            1989, https://doi.org/10.1093/biomet/76.2.297
    """

    law: str
    constant: float
    factor: float
    aicc: dict[str, float]


def fitted(costs: Mapping[int, float]) -> Fit:
    """The best law for costs by length. Errors are taken to be relative; the constant part is not negative.

    Raises:
        ValueError: fewer than five lengths; the criterion needs more points than parameters and two.
    """
    if len(costs) < 5:
        raise ValueError(f"found {len(costs)} lengths, expected at least 5")
    found = {law: _least_squares(law, costs) for law in LAWS}
    aicc = {law: _aicc(error, len(costs)) for law, (_, _, error) in found.items()}
    best = min(aicc, key=lambda law: aicc[law])
    constant, factor, _ = found[best]
    return Fit(best, constant, factor, aicc)


def _least_squares(law: str, costs: Mapping[int, float]) -> tuple[float, float, float]:
    """Constant, factor, and the sum of the squared relative errors."""
    weights = np.array([1 / cost for cost in costs.values()])
    growing = np.array([float(LAWS[law](n)) for n in costs]) * weights
    both = np.stack((weights, growing), axis=1)
    constant, factor = np.linalg.lstsq(both, np.ones(len(costs)), rcond=None)[0]
    if constant < 0:
        constant, factor = 0.0, float(growing.sum() / (growing @ growing))
    error = float(((both @ np.array([constant, factor]) - 1) ** 2).sum())
    return float(constant), float(factor), error


def _aicc(error: float, points: int) -> float:
    parameters = 3  # constant, factor, and the variance of the errors
    least = 1e-30  # a perfect fit has no logarithm
    return points * math.log(max(error, least) / points) + 2 * parameters * points / (points - parameters - 1)


def exponent(costs: Mapping[int, float], shortest: int) -> float:
    """Slope of log cost over log n, from a length on: 1 for linear growth, 2 for quadratic."""
    points = [(math.log(n), math.log(cost)) for n, cost in costs.items() if n >= shortest]
    return statistics.linear_regression([x for x, _ in points], [y for _, y in points]).slope


def exponents(processes: Sequence[Mapping[int, float]], shortest: int) -> Interval:
    """The exponent with its 99 % interval between processes."""
    slopes = [exponent(costs, shortest) for costs in processes]
    mid = statistics.fmean(slopes)
    half = T_99[len(slopes) - 1] * statistics.stdev(slopes) / math.sqrt(len(slopes))
    return Interval(mid - half, mid, mid + half)
