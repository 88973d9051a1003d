"""Learning rates: which of several serves a model best, and which were found to before. No torch here."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable
from functools import cache
from pathlib import Path

from harness.spec.tree import read_tree

TRIED = (1e-3, 3e-3, 1e-2)
LADDER = (1e-4, 3e-4, *TRIED, 3e-2, 1e-1)
"""Where a search goes on that finds its best at an edge."""


def search(rates: Iterable[float], loss_at: Callable[[float], float]) -> dict[float, float]:
    """The loss at each rate, and at those beyond while the lowest loss is at an edge of what was tried.

    Args:
        rates: to begin with, of `LADDER`; a single one is taken as it is.
        loss_at: trains at a rate and gives a loss; what is not finite counts as the worst.
    """
    found = {rate: _or_worst(loss_at(rate)) for rate in rates}
    while len(found) > 1 and (further := _beyond(found)):
        found[further] = _or_worst(loss_at(further))
    return found


def best(found: dict[float, float]) -> float:
    """The rate with the lowest loss; of several the lowest rate."""
    return min(found, key=lambda rate: (found[rate], rate))


def known_rate(model: str) -> float | None:
    """The best rate of a small model, by its hash, as `rates.yaml` keeps it; None where none was searched for."""
    return _known().get(model)


@cache
def _known() -> dict[str, float]:
    tree = read_tree(Path(__file__).with_name("rates.yaml")).plain()
    return {entry["model"]: entry["rate"] for entry in tree["found"].values()}


def _beyond(found: dict[float, float]) -> float | None:
    place = LADDER.index(best(found))
    next_to_it = [LADDER[near] for near in (place - 1, place + 1) if 0 <= near < len(LADDER)]
    return next((rate for rate in next_to_it if rate not in found), None)


def _or_worst(loss: float) -> float:
    return loss if math.isfinite(loss) else math.inf
