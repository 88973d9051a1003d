"""Published figures, held against the computed ones."""

from __future__ import annotations

from collections.abc import Callable
from decimal import ROUND_HALF_UP, Decimal
from typing import Any

from harness.metrics import Metric, metrics
from harness.metrics.kv_cache import kv_cache_bytes_per_token
from harness.metrics.params import non_embedding_params, params
from harness.spec.model import Spec

COMPUTED: dict[str, Callable[[Spec], int]] = {
    "params": params,
    "non_embedding_params": non_embedding_params,
    "kv_cache_bytes_per_token": kv_cache_bytes_per_token,
}


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

    version = 1

    def measure(self, spec: Spec, settings: dict[str, Any]) -> dict[str, Any]:
        """Compare every claim; a figure that differs is a finding, not a failure."""
        rows = []
        for claim in spec.claims:
            computed = COMPUTED[claim.metric](spec)
            source = spec.sources[claim.source]
            rows.append(
                {
                    "metric": claim.metric,
                    "published": claim.value,
                    "digits": claim.digits,
                    "computed": computed,
                    "agrees": agrees(claim.value, computed, claim.digits),
                    "source": source.title,
                    "url": source.url,
                    "at": claim.at,
                }
            )
        return {"claims": rows}
