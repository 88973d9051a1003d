"""Softmax attention: Vaswani et al. 2017, https://arxiv.org/abs/1706.03762, section 3.2"""

from harness.choices.attention import Attention, attentions
from harness.choices.base import Source


@attentions.register("softmax")
class Softmax(Attention):
    """softmax(scale Q K^T) V, head by head. How many heads share keys and values is the option `num_kv_heads`."""

    kind = "softmax"
    source = Source("Attention Is All You Need", "https://arxiv.org/abs/1706.03762")
