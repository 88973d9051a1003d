"""Rotary position embedding: Su et al. 2021, https://arxiv.org/abs/2104.09864"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, PositiveFloat, PositiveInt

from harness.choices.base import Dims, Scaling, Source
from harness.choices.positions import Position, positions

if TYPE_CHECKING:
    from harness.choices.axes import Choices


Divisors = Annotated[tuple[PositiveFloat, ...], Field(strict=False)]
"""Numbers in a list, as YAML has them."""


class Interpolation(BaseModel):
    """Positions are divided by `factor`: Chen et al. 2023, https://arxiv.org/abs/2306.15595"""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)

    kind: Literal["linear"]
    factor: PositiveFloat

    def scaled(self, scaling: Scaling, pairs: int | None) -> Interpolation:
        """The same."""
        return self

    def problem(self, theta: float, pairs: int) -> str | None:
        """None."""
        return None


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

    def scaled(self, scaling: Scaling, pairs: int | None) -> InterpolationByPart:
        """The same share of the longest sequence."""
        return self.model_copy(update={"original_length": scaling.length(self.original_length)})

    def problem(self, theta: float, pairs: int) -> str | None:
        """What does not fit: the first number of turns is not above the second."""
        return (
            "low_freq_factor must not be above high_freq_factor"
            if self.low_freq_factor > self.high_freq_factor
            else None
        )


class YaRN(BaseModel):
    """Slow frequencies are divided, and queries and keys stretched: Peng et al. 2023, https://arxiv.org/abs/2309.00071

    As in the paper's released code, the frequencies are told apart by their number i, not by their turns: up to that
    which turns `beta_fast` times in the `original_length` they stay, from that which turns `beta_slow` times on they
    are divided by `factor`, and between them the quotient goes over linearly in i.

    Attributes:
        truncate: whether those two numbers, which are no whole ones, are rounded away from each other.
        attention_factor: what the rotated channels of queries and of keys are multiplied by; the paper's is
            1 + ln(factor) / 10.
    """

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)

    kind: Literal["yarn"]
    factor: PositiveFloat
    original_length: PositiveInt
    beta_fast: PositiveFloat
    beta_slow: PositiveFloat
    truncate: bool
    attention_factor: PositiveFloat

    def scaled(self, scaling: Scaling, pairs: int | None) -> YaRN:
        """The same share of the longest sequence."""
        return self.model_copy(update={"original_length": scaling.length(self.original_length)})

    def problem(self, theta: float, pairs: int) -> str | None:
        """What does not fit: frequencies must fall, and the fast ones stand in front of the slow ones."""
        if theta <= 1:
            return f"yarn needs a theta above 1; found {theta:g}"
        return "beta_slow must not be above beta_fast" if self.beta_slow > self.beta_fast else None


class NTK(BaseModel):
    """The base grows with the sequence: dynamic NTK-aware scaling, as of transformers; no paper, described in
    Peng et al. 2023, https://arxiv.org/abs/2309.00071, section 3.3

    In a call whose longest sequence has n tokens, the tokens before it included, theta is multiplied by
    (factor n / original_length - factor + 1)^(c / (c - 2)) with c rotary channels, once n is above `original_length`.
    The first frequency stays, the last is divided by what stands in the brackets.
    """

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)

    kind: Literal["dynamic"]
    factor: PositiveFloat
    original_length: PositiveInt

    def scaled(self, scaling: Scaling, pairs: int | None) -> NTK:
        """The same share of the longest sequence."""
        return self.model_copy(update={"original_length": scaling.length(self.original_length)})

    def problem(self, theta: float, pairs: int) -> str | None:
        """None."""
        return None


class LongRoPE(BaseModel):
    """Each frequency has a divisor of its own: Ding et al. 2024, https://arxiv.org/abs/2402.13753

    As in the releases of Phi-3, `short_factor` divides in calls whose longest sequence, the tokens before it included,
    has up to `original_length` tokens, and `long_factor` in longer ones.

    Attributes:
        attention_factor: what the rotated channels of queries and of keys are multiplied by, whatever the length.
    """

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)

    kind: Literal["longrope"]
    original_length: PositiveInt
    short_factor: Divisors
    long_factor: Divisors
    attention_factor: PositiveFloat

    def scaled(self, scaling: Scaling, pairs: int | None) -> LongRoPE:
        """The same share of the longest sequence; of the divisors as many as there are pairs, spread evenly."""

        def spread(divisors: tuple[float, ...]) -> tuple[float, ...]:
            count = pairs or len(divisors)
            return tuple(divisors[i * len(divisors) // count] for i in range(count))

        return self.model_copy(
            update={
                "original_length": scaling.length(self.original_length),
                "short_factor": spread(self.short_factor),
                "long_factor": spread(self.long_factor),
            }
        )

    def problem(self, theta: float, pairs: int) -> str | None:
        """What does not fit: there must be a divisor for each pair of channels."""
        for name, divisors in {"short_factor": self.short_factor, "long_factor": self.long_factor}.items():
            if len(divisors) != pairs:
                return f"{name} has {len(divisors)} numbers; expected one for each of the {pairs} rotated pairs"
        return None


AnyScaling = Interpolation | InterpolationByPart | YaRN | NTK | LongRoPE


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
    scaling: Annotated[AnyScaling, Field(discriminator="kind")] | None = None

    def rotary_channels(self, head_channels: int) -> int:
        """How many of a head's channels are rotated: whole pairs, and at least one in heads scaled down to a few."""
        return max(2, 2 * round(head_channels * self.fraction / 2))

    @property
    def by_length(self) -> bool:
        """Whether frequencies change with the sequence."""
        return isinstance(self.scaling, NTK | LongRoPE)

    def problems(self, dims: Dims, choices: Choices) -> Iterator[tuple[str, str]]:
        """The rotated channels must make whole pairs."""
        channels = choices.mixer.position_channels(dims)
        rotary = channels * self.fraction
        if rotary != self.rotary_channels(channels):
            yield (
                "fraction",
                f"found {self.fraction}, which rotates {rotary:g} of the {channels} channels of a head; "
                "expected an even whole number of them",
            )
        if self.scaling and (problem := self.scaling.problem(self.theta, self.rotary_channels(channels) // 2)):
            yield "scaling", problem

    def scaled(self, scaling: Scaling) -> Rope:
        """The scaling at its share of the longest sequence, and the nearest share of a head that is whole pairs."""
        if not scaling.head_channels:
            return self.model_copy(update={"scaling": self.scaling and self.scaling.scaled(scaling, None)})
        rotary = self.rotary_channels(scaling.head_channels)
        changed: dict[str, object] = {"scaling": self.scaling and self.scaling.scaled(scaling, rotary // 2)}
        if rotary != self.fraction * scaling.head_channels:
            changed["fraction"] = rotary / scaling.head_channels
        return self.model_copy(update=changed)
