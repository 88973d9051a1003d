"""Grouped-query attention: Ainslie et al. 2023, https://arxiv.org/abs/2305.13245"""

from pydantic import PositiveInt

from harness.choices.attention import Attention, attentions
from harness.choices.base import Source


@attentions.register("grouped_query")
class GroupedQuery(Attention):
    """Groups of H / K query heads share a head of keys and values: K = H is multi-head, K = 1 multi-query."""

    kind = "grouped_query"
    source = Source(
        "GQA: Training Generalized Multi-Query Transformer Models from Multi-Head Checkpoints",
        "https://arxiv.org/abs/2305.13245",
    )

    num_kv_heads: PositiveInt

    @property
    def kv_heads(self) -> int:
        """As many as the option says."""
        return self.num_kv_heads
