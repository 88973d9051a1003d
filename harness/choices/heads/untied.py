"""Untied head: a matrix of its own, as in Touvron et al. 2023 (LLaMA), https://arxiv.org/abs/2302.13971"""

from harness.choices.base import Dims, Linear, Source
from harness.choices.heads import Head, heads


@heads.register("untied")
class Untied(Head):
    """A matrix of its own, with or without a bias."""

    kind = "untied"
    source = Source("LLaMA: Open and Efficient Foundation Language Models", "https://arxiv.org/abs/2302.13971")

    bias: bool = False

    tied = False

    def params(self, dims: Dims) -> int:
        """D V, and V for the bias."""
        return Linear(dims.hidden_size, dims.vocab_size, self.bias).params

    def flops(self, dims: Dims, tokens: int) -> int:
        """2 D V a token."""
        return Linear(dims.hidden_size, dims.vocab_size).flops(tokens)
