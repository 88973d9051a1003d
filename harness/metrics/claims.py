"""Published figures, held against the computed ones."""

from __future__ import annotations

from collections.abc import Callable
from decimal import ROUND_HALF_UP, Decimal
from typing import Any

from harness.metrics import Metric, metrics
from harness.metrics.kv_cache import LONGEST, kv_cache_bytes_per_token, longest_context
from harness.metrics.params import non_embedding_params, params
from harness.spec.model import Spec

COMPUTED: dict[str, Callable[[Spec], int]] = {
    "params": params,
    "non_embedding_params": non_embedding_params,
    "kv_cache_bytes_per_token": kv_cache_bytes_per_token,
    "tokens_in_6_gb_int4": lambda spec: _tokens_in(spec, 6, "int4"),
}
BOUNDS = ("tokens_in_6_gb_int4",)
"""Figures of which only the most that there can be is computed: a published one agrees if it is not above that."""


def _tokens_in(spec: Spec, budget_gb: int, weights: str) -> int:
    """The longest context in 10^9 bytes beside quantised weights, with a cache in 16 bits."""
    tokens = longest_context(spec, budget_gb * 10**9, weights=weights)
    return LONGEST if tokens is None else tokens


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


@metrics.register("claims")
class Claims(Metric):
    """A verdict on each published figure of a spec."""

    version = 2

    def measure(self, spec: Spec, settings: dict[str, Any]) -> dict[str, Any]:
        """Compare every claim; a figure that differs is a finding, not a failure."""
        rows = []
        for claim in spec.claims:
            computed, bound = COMPUTED[claim.metric](spec), claim.metric in BOUNDS
            source = spec.sources[claim.source]
            rows.append(
                {
                    "metric": claim.metric,
                    "published": claim.value,
                    "digits": claim.digits,
                    "computed": computed,
                    "bound": bound,
                    "agrees": claim.value <= computed if bound else agrees(claim.value, computed, claim.digits),
                    "source": source.title,
                    "url": source.url,
                    "at": claim.at,
                }
            )
        return {"claims": rows}
