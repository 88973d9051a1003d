"""Rotary position embedding: Su et al. 2021, https://arxiv.org/abs/2104.09864"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, PositiveFloat, PositiveInt

from harness.choices.base import Dims, Scaling, Source
from harness.choices.positions import Position, positions

if TYPE_CHECKING:
    from harness.choices.axes import Choices


class Interpolation(BaseModel):
    """Positions are divided by `factor`: Chen et al. 2023, https://arxiv.org/abs/2306.15595"""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)

    kind: Literal["linear"]
    factor: PositiveFloat

    def scaled(self, scaling: Scaling) -> Interpolation:
        """The same."""
        return self


class InterpolationByPart(BaseModel):
    """Only slow frequencies are divided by `factor`: Llama 3.1, https://arxiv.org/abs/2407.21783

    A frequency that turns less than `low_freq_factor` times in the `original_length` is divided, one that turns more
    than `high_freq_factor` times stays, and between them the quotient goes over linearly in the number of turns.
    """

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)

    kind: Literal["llama3"]
    factor: PositiveFloat
    low_freq_factor: PositiveFloat
    high_freq_factor: PositiveFloat
    original_length: PositiveInt

    def scaled(self, scaling: Scaling) -> InterpolationByPart:
        """The same share of the longest sequence."""
        return self.model_copy(update={"original_length": scaling.length(self.original_length)})


@positions.register("rope")
class Rope(Position):
    """Rotates pairs of channels of each query and key by position / theta^(2i / rotary channels).

    Attributes:
        theta: base of the frequencies.
        fraction: the share of a head's channels that is rotated, from the first channel on; the rest passes.
        layout: which channels make a pair: `half_split` (i, i + half), as in Hugging Face's LLaMA, or
            `interleaved` (2i, 2i + 1), as in the paper and in ChatGLM2. One is a permutation of the other.
        scaling: how the frequencies are slowed down for sequences longer than those first trained on, if they are.
    """

    kind = "rope"
    source = Source("RoFormer: Enhanced Transformer with Rotary Position Embedding", "https://arxiv.org/abs/2104.09864")

    theta: PositiveFloat
    fraction: Annotated[float, Field(gt=0, le=1)] = 1.0
    layout: Literal["half_split", "interleaved"] = "half_split"
    scaling: Annotated[Interpolation | InterpolationByPart, Field(discriminator="kind")] | None = None

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
        if (
            isinstance(self.scaling, InterpolationByPart)
            and self.scaling.low_freq_factor >= self.scaling.high_freq_factor
        ):
            yield "scaling", "low_freq_factor must be below high_freq_factor"

    def scaled(self, scaling: Scaling) -> Rope:
        """The scaling at its share of the longest sequence."""
        return self.model_copy(update={"scaling": self.scaling and self.scaling.scaled(scaling)})
