"""Multi-head attention: Vaswani et al. 2017, https://arxiv.org/abs/1706.03762, section 3.2.2"""

from harness.choices.attention import Attention, attentions
from harness.choices.base import Source


@attentions.register("multi_head")
class MultiHead(Attention):
    """Every query head has keys and values of its own: K = H."""

    kind = "multi_head"
    source = Source("Attention Is All You Need", "https://arxiv.org/abs/1706.03762")

    @property
    def kv_heads(self) -> int:
        """As many as query heads."""
        return self.num_heads
