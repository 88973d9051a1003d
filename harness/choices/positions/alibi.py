"""Attention with linear biases: Press et al. 2022, https://arxiv.org/abs/2108.12409"""

from typing import Annotated, Literal

from pydantic import Field, PositiveFloat

from harness.choices.base import Source, unset
from harness.choices.positions import Position, positions


@positions.register("alibi")
class Alibi(Position):
    """Lowers a head's score of a key by slope x distance; slopes are a geometric series over the heads, not learnt.

    Attributes:
        bias_max: the exponent of the smallest slope, 2^-bias_max; left out, 8 as in the paper (MPT).
        scaled_scores: whether the scores are scaled behind the addition, by 1 / sqrt(head channels), and not in front
            of it (Falcon).
        rounded: the number format to which slopes, and slope x place of the key, are rounded (Falcon).
    """

    kind = "alibi"
    source = Source(
        "Train Short, Test Long: Attention with Linear Biases Enables Input Length Extrapolation",
        "https://arxiv.org/abs/2108.12409",
    )

    bias_max: Annotated[PositiveFloat | None, Field(exclude_if=unset)] = None
    scaled_scores: Annotated[Literal[True] | None, Field(exclude_if=unset)] = None
    rounded: Annotated[Literal["bfloat16"] | None, Field(exclude_if=unset)] = None

    @staticmethod
    def slopes(num_heads: int, most: float = 8) -> list[float]:
        """One slope a head.

        For a power of two, 2^(-m/H), 2^(-2m/H), ... 2^-m with m for `most`. Otherwise the slopes of the next lower
        power of two, then every second slope of the next higher one, as in the paper's released code.
        """
        power = 1 << (num_heads.bit_length() - 1)
        first = [2.0 ** (-most * (head + 1) / power) for head in range(power)]
        between = [2.0 ** (-most / 2 * (head + 1) / power) for head in range(0, 2 * (num_heads - power), 2)]
        return first + between
