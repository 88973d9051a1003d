"""Rotary positions in two dimensions, half a head each."""

from __future__ import annotations

import torch
from torch import Tensor

from harness.choices.axes import Choices
from harness.choices.base import Dims
from harness.choices.positions.rope_2d import Rope2D
from harness.modules import computes
from harness.modules.positions import Places, PositionModule
from harness.modules.positions.rope import rotate_half_split, rotation_tables


@computes(Rope2D)
class TwoDimensionalRotaryPositions(PositionModule):
    """The first half of a head turns with the place in the context, the second with the place in the span."""

    def __init__(self, position: Rope2D, dims: Dims, choices: Choices) -> None:
        super().__init__(position, dims, choices)
        self.channels = choices.attention.channels(dims) // 2
        self.theta = position.theta

    def tables(self, places: Places) -> tuple[Tensor, ...]:
        """Cosine and sine of both dimensions, [.., T, 1, C / 4] each."""
        in_context, in_span = places.ids.unbind(-2) if places.ids is not None else two_dimensional_ids(places)
        return (
            *rotation_tables(in_context, self.channels, self.theta),
            *rotation_tables(in_span, self.channels, self.theta),
        )

    def rotate(self, x: Tensor, tables: tuple[Tensor, ...]) -> Tensor:
        """Turn both halves of [B, T, heads, C]."""
        cos, sin, span_cos, span_sin = (table.to(x.dtype) for table in tables)
        first, second = x.chunk(2, dim=-1)
        return torch.cat((rotate_half_split(first, cos, sin), rotate_half_split(second, span_cos, span_sin)), dim=-1)


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
