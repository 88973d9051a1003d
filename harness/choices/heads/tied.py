"""Tied head: Press and Wolf 2017, https://arxiv.org/abs/1608.05859"""

from harness.choices.base import Dims, Linear, Source
from harness.choices.heads import Head, heads


@heads.register("tied")
class Tied(Head):
    """Multiplies by the embedding table: no parameter of its own, but the same FLOPs as an untied head."""

    kind = "tied"
    source = Source("Using the Output Embedding to Improve Language Models", "https://arxiv.org/abs/1608.05859")

    tied = True

    def flops(self, dims: Dims, tokens: int) -> int:
        """2 D V a token."""
        return Linear(dims.hidden_size, dims.vocab_size).flops(tokens)
