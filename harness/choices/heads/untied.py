"""Untied head: a matrix of its own, as in Touvron et al. 2023 (LLaMA), https://arxiv.org/abs/2302.13971"""

from typing import Annotated, Literal

from pydantic import Field

from harness.choices.base import Dims, Source, unset
from harness.choices.heads import Head, heads


@heads.register("untied")
class Untied(Head):
    """A matrix of its own, with or without a bias.

    Attributes:
        bias: whether each token's logit has a bias.
        normalised: if set, each row of the matrix is divided by its length (Baichuan 2,
            https://arxiv.org/abs/2309.10305, section 2.5).
    """

    kind = "untied"
    source = Source("LLaMA: Open and Efficient Foundation Language Models", "https://arxiv.org/abs/2302.13971")

    bias: bool = False
    normalised: Annotated[Literal[True] | None, Field(exclude_if=unset)] = None

    tied = False

    def params(self, dims: Dims) -> int:
        """D V, and V for the bias."""
        return sum(matrix.params for matrix in self.matrices(dims)) + self.bias * dims.vocab_size
