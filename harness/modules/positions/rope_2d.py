"""Rotary positions in two dimensions, half a head each."""

from __future__ import annotations

import torch
from torch import Tensor

from harness.choices.axes import Choices
from harness.choices.base import Dims
from harness.choices.positions.rope_2d import Rope2D
from harness.modules import computes
from harness.modules.positions import Places, PositionModule
from harness.modules.positions.rope import LAYOUTS, rotation_tables

LAYOUT = LAYOUTS["half_split"]
"""Of each half of a head."""


@computes(Rope2D)
class TwoDimensionalRotaryPositions(PositionModule):
    """The first half of a head turns with the place in the context, the second with the place in the span."""

    def __init__(self, position: Rope2D, dims: Dims, choices: Choices) -> None:
        super().__init__(position, dims, choices)
        self.channels = choices.mixer.position_channels(dims) // 2
        self.theta = position.theta

    def tables(self, places: Places) -> tuple[Tensor, ...]:
        """Cosine and signed sine of every channel, [.., T, 1, C]."""
        ids = places.ids.unbind(-2) if places.ids is not None else two_dimensional_ids(places)
        by_half = [LAYOUT.tables(*rotation_tables(each, self.channels, self.theta)) for each in ids]
        return tuple(torch.cat(of_both, dim=-1) for of_both in zip(*by_half, strict=True))

    def rotate(self, x: Tensor, tables: tuple[Tensor, ...]) -> Tensor:
        """Turn both halves of [B, T, heads, C]."""
        cos, sin = (table.to(x.dtype) for table in tables)
        swapped = torch.cat([LAYOUT.swapped(half) for half in x.chunk(2, dim=-1)], dim=-1)
        return torch.addcmul(x * cos, swapped, sin)


def two_dimensional_ids(places: Places) -> tuple[Tensor, Tensor]:
    """Ids of a text whose context holds a mask that the rest fills, [T] or [B, T] each.

    The context counts 0, 1, ... and has span position 0; what is generated keeps the place of the mask, and counts
    1, 2, ... inside the span.
    """
    context = places.context if isinstance(places.context, int) else places.context[:, None]
    behind = (places.queries - context + 1).clamp(min=0)
    in_context = (
        places.queries - behind if places.mask is None else places.queries.where(behind == 0, places.mask[:, None])
    )
    return in_context.clamp(min=0), behind
