"""What a layer is told in one pass beside its input: positions, and what it kept of the passes before."""

from __future__ import annotations

from dataclasses import dataclass

from torch import Tensor

from harness.modules.positions import Places, PositionModule
from harness.modules.states import LayerState


@dataclass(frozen=True)
class LayerStep:
    """One pass as one layer sees it.

    Attributes:
        places: where the tokens stand.
        position: the position scheme of the layer.
        tables: what the scheme computed for this pass.
        start: columns of the passes before.
        state: what the mixer kept of them, which it brings up to date; None where nothing is to be kept.
        mlp_state: the same of the MLP.
        layer: its number, counted from 0.
    """

    places: Places
    position: PositionModule
    tables: tuple[Tensor, ...]
    start: int
    state: LayerState | None
    mlp_state: LayerState | None
    layer: int

    @property
    def from_start(self) -> bool:
        """Whether the computed tokens are the whole of every sequence so far."""
        return self.start == 0 and self.places.padding is None

    def blank(self, x: Tensor, value: float = 0.0) -> Tensor:
        """One value in the columns of padding, [B, T, ...]: what a recurrence reads must not change its state there."""
        if self.places.padding is None:
            return x
        outside = self.places.queries < 0  # [B, T]
        return x.masked_fill(outside.reshape(*outside.shape, *[1] * (x.dim() - 2)), value)
