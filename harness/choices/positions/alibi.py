"""Attention with linear biases: Press et al. 2022, https://arxiv.org/abs/2108.12409"""

from harness.choices.base import Source
from harness.choices.positions import Position, positions


@positions.register("alibi")
class Alibi(Position):
    """Lowers a head's score of a key by slope x distance; slopes are a geometric series over the heads, not learnt."""

    kind = "alibi"
    source = Source(
        "Train Short, Test Long: Attention with Linear Biases Enables Input Length Extrapolation",
        "https://arxiv.org/abs/2108.12409",
    )

    @staticmethod
    def slopes(num_heads: int) -> list[float]:
        """One slope a head.

        For a power of two, 2^(-8/H), 2^(-16/H), ... 2^-8. Otherwise the slopes of the next lower power of two,
        then every second slope of the next higher one, as in the paper's released code.
        """
        power = 1 << (num_heads.bit_length() - 1)
        first = [2.0 ** (-8 * (head + 1) / power) for head in range(power)]
        between = [2.0 ** (-4 * (head + 1) / power) for head in range(0, 2 * (num_heads - power), 2)]
        return first + between
