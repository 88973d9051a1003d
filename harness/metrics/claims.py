"""Published figures, held against the computed ones."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from harness.metrics import Metric, metrics
from harness.metrics.kv_cache import LONGEST, kv_cache_bytes_per_token, longest_context
from harness.metrics.params import active_non_embedding_params, active_params, mtp_params, non_embedding_params, params
from harness.published import BOUNDS, figure_agrees
from harness.spec.model import Spec

COMPUTED: dict[str, Callable[[Spec], int]] = {
    "params": params,
    "non_embedding_params": non_embedding_params,
    "active_params": active_params,
    "active_non_embedding_params": active_non_embedding_params,
    "mtp_params": mtp_params,
    "kv_cache_bytes_per_token": kv_cache_bytes_per_token,
    "tokens_in_6_gb_int4": lambda spec: _tokens_in(spec, 6, "int4"),
}


def _tokens_in(spec: Spec, budget_gb: int, weights: str) -> int:
    """The longest context in 10^9 bytes beside quantised weights, with a cache in 16 bits."""
    tokens = longest_context(spec, budget_gb * 10**9, weights=weights)
    return LONGEST if tokens is None else tokens


@metrics.register("claims")
class Claims(Metric):
    """A verdict on each published figure of a spec."""

    version = 2

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
                    "bound": claim.metric in BOUNDS,
                    "agrees": figure_agrees(claim.metric, claim.value, computed, claim.digits),
                    "source": source.title,
                    "url": source.url,
                    "at": claim.at,
                }
            )
        return {"claims": rows}
