"""Rotary positions in one dimension."""

from __future__ import annotations

import math

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
        whole = ((turns - low) / (high - low)).clamp(0, 1)
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


def rotate_half_split(x: Tensor, cos: Tensor, sin: Tensor) -> Tensor:
    """Rotate the pairs (i, i + half) of the last dimension, [B, T, heads, channels]."""
    first, second = x.chunk(2, dim=-1)
    return torch.cat(_turned(first, second, cos, sin), dim=-1)


def rotate_interleaved(x: Tensor, cos: Tensor, sin: Tensor) -> Tensor:
    """Rotate the pairs (2i, 2i + 1) of the last dimension, [B, T, heads, channels]."""
    even, odd = x[..., 0::2], x[..., 1::2]
    return torch.stack(_turned(even, odd, cos, sin), dim=-1).flatten(-2)


def _turned(x: Tensor, y: Tensor, cos: Tensor, sin: Tensor) -> tuple[Tensor, Tensor]:
    """The points (x, y), turned."""
    return torch.addcmul(x * cos, y, sin, value=-1), torch.addcmul(y * cos, x, sin)


@computes(Rope)
class RotaryPositions(PositionModule):
    """Rotates the first channels of queries and keys; the rest passes."""

    def __init__(self, position: Rope, dims: Dims, choices: Choices) -> None:
        super().__init__(position, dims, choices)
        self.head_channels = choices.attention.channels(dims)
        self.channels = position.rotary_channels(self.head_channels)
        self.theta, self.scaling = position.theta, position.scaling
        self.turn = rotate_half_split if position.layout == "half_split" else rotate_interleaved

    def tables(self, places: Places) -> tuple[Tensor, ...]:
        """Cosine and sine, [.., T, 1, rotary channels / 2]."""
        return rotation_tables(places.one_dimensional(), self.channels, self.theta, self.scaling)

    def rotate(self, x: Tensor, tables: tuple[Tensor, ...]) -> Tensor:
        """Turn the rotary channels of [B, T, heads, C]."""
        cos, sin = (table.to(x.dtype) for table in tables)
        if self.channels == self.head_channels:
            return self.turn(x, cos, sin)
        turned = self.turn(x[..., : self.channels], cos, sin)
        return torch.cat((turned, x[..., self.channels :]), dim=-1)
