"""No positions at all: Haviv et al. 2022, https://arxiv.org/abs/2203.16634"""

from harness.choices.base import Source
from harness.choices.positions import Position, positions


@positions.register("none")
class NoPosition(Position):
    """Nothing: only the causal mask tells the model about order."""

    kind = "none"
    source = Source(
        "Transformer Language Models without Positional Encodings Still Learn Positional Information",
        "https://arxiv.org/abs/2203.16634",
    )
