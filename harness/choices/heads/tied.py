"""Tied head: Press and Wolf 2017, https://arxiv.org/abs/1608.05859"""

from harness.choices.base import Dims, Source
from harness.choices.heads import Head, heads


@heads.register("tied")
class Tied(Head):
    """Multiplies by the embedding table: no parameter of its own, but the same FLOPs as an untied head."""

    kind = "tied"
    source = Source("Using the Output Embedding to Improve Language Models", "https://arxiv.org/abs/1608.05859")

    tied = True

    def params(self, dims: Dims) -> int:
        """None, but for D W of the matrix in front where the table has a width."""
        return sum(matrix.params for matrix in self.matrices(dims)[:-1])
