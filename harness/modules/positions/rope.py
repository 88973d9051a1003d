"""Rotary positions in one dimension."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor

from harness.choices.axes import Choices
from harness.choices.base import Dims
from harness.choices.positions.rope import NTK, AnyScaling, Interpolation, LongRoPE, Rope, YaRN
from harness.modules import computes
from harness.modules.positions import Places, PositionModule


def rotation_tables(
    ids: Tensor, channels: int, theta: float, scaling: AnyScaling | None = None
) -> tuple[Tensor, Tensor]:
    """Cosine and sine of position x frequency, [.., T, 1, channels / 2], in float32 whatever the model computes in."""
    exponents = torch.arange(0, channels, 2, device=ids.device, dtype=torch.float32) / channels
    frequencies = theta**-exponents
    if scaling:
        frequencies = frequencies * _kept(frequencies, theta, scaling, ids.max() + 1)
    angles = ids.to(torch.float32)[..., None, None] * frequencies
    if isinstance(scaling, YaRN | LongRoPE):
        return angles.cos() * scaling.attention_factor, angles.sin() * scaling.attention_factor
    return angles.cos(), angles.sin()


def _kept(frequencies: Tensor, theta: float, scaling: AnyScaling, length: Tensor) -> Tensor | float:
    """What a scaling leaves of the frequencies, in radians a token, in sequences of a length: a share of each."""
    if isinstance(scaling, Interpolation):
        return 1 / scaling.factor
    if isinstance(scaling, LongRoPE):
        short, long = (
            torch.tensor(divisors, device=frequencies.device)
            for divisors in (scaling.short_factor, scaling.long_factor)
        )
        return 1 / torch.where(length > scaling.original_length, long, short)
    if isinstance(scaling, NTK):
        longer = length.clamp(min=scaling.original_length) / scaling.original_length
        exponents = torch.arange(len(frequencies), device=frequencies.device) / max(1, len(frequencies) - 1)
        return (scaling.factor * longer - (scaling.factor - 1)) ** -exponents
    if isinstance(scaling, YaRN):
        whole = _whole_by_number(len(frequencies), theta, scaling).to(frequencies.device)
    else:
        turns = scaling.original_length * frequencies / (2 * math.pi)
        low, high = scaling.low_freq_factor, scaling.high_freq_factor
        whole = (turns >= low).to(turns.dtype) if low == high else ((turns - low) / (high - low)).clamp(0, 1)
    return whole + (1 - whole) / scaling.factor


def _whole_by_number(count: int, theta: float, scaling: YaRN) -> Tensor:
    """How much of each of `count` frequencies YaRN leaves alone, from 1 for the first to 0 for the last, [count]."""

    def number_of(turns: float) -> float:
        """The frequency that turns so many times in the original length, counted from 0."""
        return count * math.log(scaling.original_length / (2 * math.pi * turns)) / math.log(theta)

    first, last = number_of(scaling.beta_fast), number_of(scaling.beta_slow)
    if scaling.truncate:
        first, last = math.floor(first), math.ceil(last)
    first, last = max(first, 0), min(last, 2 * count - 1)  # the released code ends with the channels, not the pairs
    width = last - first or 0.001
    return 1 - ((torch.arange(count, dtype=torch.float32) - first) / width).clamp(0, 1)


@dataclass(frozen=True)
class Layout:
    """Which two channels make a point that is turned by one frequency.

    Attributes:
        both: of a number for each point, one for each channel, given the first and the second of every two,
            [.., n], [.., n] -> [.., 2n].
        swapped: the channels, each in the place of its partner, [.., 2n].
    """

    both: Callable[[Tensor, Tensor], Tensor]
    swapped: Callable[[Tensor], Tensor]

    def tables(self, cos: Tensor, sin: Tensor) -> tuple[Tensor, Tensor]:
        """What `turned` wants, from a cosine and a sine for each point, [.., n] -> [.., 2n]."""
        return self.both(cos, cos), self.both(-sin, sin)

    def turned(self, x: Tensor, cos: Tensor, sin: Tensor) -> Tensor:
        """(a, b) becomes (a cos - b sin, b cos + a sin), [B, T, heads, 2n]; whole vectors are faster than halves."""
        return torch.addcmul(x * cos, self.swapped(x), sin)


LAYOUTS = {
    # Points are the channels i and i + n.
    "half_split": Layout(lambda a, b: torch.cat((a, b), dim=-1), lambda x: x.roll(int(x.shape[-1]) // 2, dims=-1)),
    # Points are the channels 2i and 2i + 1.
    "interleaved": Layout(
        lambda a, b: torch.stack((a, b), dim=-1).flatten(-2),
        lambda x: torch.unflatten(x, -1, (-1, 2)).flip(-1).flatten(-2),
    ),
}


@computes(Rope)
class RotaryPositions(PositionModule):
    """Rotates the first channels of queries and keys; the rest passes."""

    def __init__(self, position: Rope, dims: Dims, choices: Choices) -> None:
        super().__init__(position, dims, choices)
        self.head_channels = choices.mixer.position_channels(dims)
        self.channels = position.rotary_channels(self.head_channels)
        self.theta, self.scaling = position.theta, position.scaling
        self.layout = LAYOUTS[position.layout]

    def tables(self, places: Places) -> tuple[Tensor, ...]:
        """Cosine and signed sine of every channel, [.., T, 1, rotary channels]."""
        ids = places.one_dimensional()
        return self.layout.tables(*rotation_tables(ids, self.channels, self.theta, self.scaling))

    def rotate(self, x: Tensor, tables: tuple[Tensor, ...]) -> Tensor:
        """Turn the rotary channels of [B, T, heads, C]."""
        cos, sin = (table.to(x.dtype) for table in tables)
        if self.channels == self.head_channels:
            return self.layout.turned(x, cos, sin)
        turned = self.layout.turned(x[..., : self.channels], cos, sin)
        return torch.cat((turned, x[..., self.channels :]), dim=-1)
