"""How a cost grows with the length: which law fits it best, and with which exponent."""

from __future__ import annotations

import math
import statistics
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations

import numpy as np

from harness.intervals import Interval, arithmetic

LAWS = {
    "n": lambda n: n,
    "n log n": lambda n: n * math.log2(n),
    "n\N{SQUARE ROOT}n": lambda n: n * math.sqrt(n),
    "n\N{SUPERSCRIPT TWO}": lambda n: n * n,
}
"""How the part of a cost may grow that decides at great lengths."""


PLAUSIBLE = 6.0
"""A law whose criterion is so much above the least is told as less plausible by a factor of exp(3), which is 20."""

LEAST_SHARE = 0.1
"""A law whose own term is a smaller share of the cost at the longest length is not seen in it."""


@dataclass(frozen=True)
class Fit:
    """Cost = constant + linear x n + factor x law(n).

    Attributes:
        law: the law with the least criterion, of those whose own term is seen.
        plausible: the laws that the costs do not rule out, the best first; more than one where they are undecided,
            and all where no law's own term is seen.
        aicc: Akaike's criterion, corrected for few points, of each law. Hurvich and Tsai 1989,
            https://doi.org/10.1093/biomet/76.2.297
    """

    law: str
    plausible: list[str]
    constant: float
    linear: float
    factor: float
    aicc: dict[str, float]


def fitted(costs: Mapping[int, float], *, counted: bool = False) -> Fit:
    """The best law for costs by length. Errors are taken to be relative.

    Lower terms go with every law, a constant and one linear in n: dense attention also reads its queries, and without
    the linear term that alone makes a quadratic cost look like n\N{SQUARE ROOT}n at moderate lengths.

    Args:
        costs: by length.
        counted: whether the costs are counts, whose lower terms may be negative; those of times may not.

    Raises:
        ValueError: fewer than six lengths; the criterion needs more points than parameters and one.
    """
    if len(costs) < 6:
        raise ValueError(f"found {len(costs)} lengths, expected at least 6")
    found = {law: _least_squares(law, costs, counted) for law in LAWS}
    aicc = {law: _aicc(error, len(costs), 2 if law == "n" else 3) for law, (_, error) in found.items()}
    longest = max(costs)
    seen = [law for law in LAWS if found[law][0][2] * LAWS[law](longest) >= LEAST_SHARE * costs[longest]]
    ordered = sorted(seen or LAWS, key=lambda law: aicc[law])
    plausible = [law for law in ordered if not seen or aicc[law] - aicc[ordered[0]] <= PLAUSIBLE]
    return Fit(ordered[0], plausible, *found[ordered[0]][0], aicc)


def _least_squares(law: str, costs: Mapping[int, float], counted: bool) -> tuple[tuple[float, float, float], float]:
    """Constant, linear part and factor, and the sum of the squared relative errors."""
    lengths = np.array(list(costs), dtype=float)
    growing = np.array([float(LAWS[law](n)) for n in costs])
    columns = np.stack((np.ones_like(lengths), lengths, growing), axis=1) / np.array(list(costs.values()))[:, None]
    best: tuple[tuple[float, float, float], float] = ((0.0, 0.0, 0.0), math.inf)
    lower = [0] if law == "n" else [0, 1]
    # Least squares under bounds: that of the best set of terms which leaves no term outside of them.
    for chosen in [list(each) for size in range(len(lower) + 1) for each in combinations([*lower, 2], size + 1)]:
        parts = np.linalg.lstsq(columns[:, chosen], np.ones(len(costs)), rcond=None)[0]
        error = float(((columns[:, chosen] @ parts - 1) ** 2).sum())
        if error < best[1] and (counted or (parts >= 0).all()):
            whole = np.zeros(3)
            whole[chosen] = parts
            best = ((float(whole[0]), float(whole[1]), float(whole[2])), error)
    return best


def _aicc(error: float, points: int, terms: int) -> float:
    parameters = terms + 1  # and the variance of the errors
    least = 1e-30  # a perfect fit has no logarithm
    return points * math.log(max(error, least) / points) + 2 * parameters * points / (points - parameters - 1)


def exponent(costs: Mapping[int, float]) -> float:
    """Slope of log cost over log n, from a quarter of the longest length on: 1 for linear growth, 2 for quadratic."""
    points = [(math.log(n), math.log(cost)) for n, cost in costs.items() if n >= max(costs) / 4]
    return statistics.linear_regression([x for x, _ in points], [y for _, y in points]).slope


def exponents(processes: Sequence[Mapping[int, float]]) -> Interval:
    """The exponent with its 99 % interval between processes."""
    return arithmetic([exponent(costs) for costs in processes])
