"""Multi-query attention: Shazeer 2019, https://arxiv.org/abs/1911.02150"""

from harness.choices.attention import Attention, attentions
from harness.choices.base import Source


@attentions.register("multi_query")
class MultiQuery(Attention):
    """All query heads share one head of keys and values: K = 1."""

    kind = "multi_query"
    source = Source("Fast Transformer Decoding: One Write-Head is All You Need", "https://arxiv.org/abs/1911.02150")

    @property
    def kv_heads(self) -> int:
        """One."""
        return 1
