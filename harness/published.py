"""Whether a figure that was written down is the one that was computed."""

from __future__ import annotations

from decimal import ROUND_HALF_UP, Decimal

BOUNDS = ("tokens_in_6_gb_int4",)
"""Figures of which only the most that there can be is computed: a published one agrees if it is not above that."""


def figure_agrees(name: str, published: float, computed: int, digits: int | None = None) -> bool:
    """Whether a published figure is the computed one, or one that this allows; see `agrees` and `BOUNDS`."""
    return published <= computed if name in BOUNDS else agrees(published, computed, digits)


def agrees(published: float, computed: int, digits: int | None = None) -> bool:
    """Whether the computed figure, rounded to the digits of the published one, is the published one.

    Args:
        published: the figure as printed.
        computed: the exact figure.
        digits: how many digits of it are meant; None for those before its trailing zeros.
    """
    claim = Decimal(str(published))
    digits = digits or len(claim.normalize().as_tuple().digits)
    step = Decimal(1).scaleb(claim.adjusted() - digits + 1)
    return (Decimal(computed) / step).quantize(Decimal(1), ROUND_HALF_UP) * step == claim
