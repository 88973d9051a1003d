"""Rotary position embedding: Su et al. 2021, https://arxiv.org/abs/2104.09864"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Annotated, Literal

from pydantic import Field, PositiveFloat

from harness.choices.base import Dims, Source
from harness.choices.positions import Position, positions

if TYPE_CHECKING:
    from harness.choices.axes import Choices


@positions.register("rope")
class Rope(Position):
    """Rotates pairs of channels of each query and key by position / theta^(2i / rotary channels).

    Attributes:
        theta: base of the frequencies.
        fraction: the share of a head's channels that is rotated, from the first channel on; the rest passes.
        layout: which channels make a pair: `half_split` (i, i + half), as in Hugging Face's LLaMA, or
            `interleaved` (2i, 2i + 1), as in the paper and in ChatGLM2. One is a permutation of the other.
    """

    kind = "rope"
    source = Source("RoFormer: Enhanced Transformer with Rotary Position Embedding", "https://arxiv.org/abs/2104.09864")

    theta: PositiveFloat
    fraction: Annotated[float, Field(gt=0, le=1)] = 1.0
    layout: Literal["half_split", "interleaved"] = "half_split"

    def rotary_channels(self, head_channels: int) -> int:
        """How many of a head's channels are rotated: whole pairs, and at least one in heads scaled down to a few."""
        return max(2, 2 * round(head_channels * self.fraction / 2))

    def problems(self, dims: Dims, choices: Choices) -> Iterator[tuple[str, str]]:
        """The rotated channels must make whole pairs."""
        channels = choices.attention.channels(dims)
        rotary = channels * self.fraction
        if rotary != self.rotary_channels(channels):
            yield (
                "fraction",
                f"found {self.fraction}, which rotates {rotary:g} of the {channels} channels of a head; "
                "expected an even whole number of them",
            )
