"""Blocks: two sublayers joined to the residual stream, [B, T, D] -> [B, T, D]. A residual choice says how."""

from __future__ import annotations

from typing import ClassVar

from torch import Tensor, nn

from harness.choices.axes import Choices
from harness.choices.base import Dims
from harness.choices.residuals import Residual
from harness.modules import computed_by
from harness.modules.states import LayerState, OfSublayers, Room
from harness.modules.step import LayerStep


class Block(nn.Module):
    """The parts of a block; subclasses name their norms and wire them."""

    norm_names: ClassVar[tuple[str, ...]] = ("mixer_norm", "mlp_norm")
    mixer_norm: nn.Module
    mlp_norm: nn.Module

    def __init__(self, residual: Residual, dims: Dims, choices: Choices) -> None:
        super().__init__()
        missing = [name for name in ("mixer", "mlp") if not getattr(choices, name).present]
        for name in self.norm_names:
            needed = not name.startswith(tuple(missing))
            norm = computed_by(choices.norm)(choices.norm, dims.hidden_size) if needed else nn.Identity()
            self.add_module(name, norm)
        self.mixer = computed_by(choices.mixer)(choices.mixer, dims, choices)
        self.mlp = computed_by(choices.experts)(choices.experts, dims, choices)

    def forward(self, x: Tensor, step: LayerStep) -> Tensor:
        """[B, T, D] -> [B, T, D]."""
        raise NotImplementedError

    def new_state(self, room: Room) -> LayerState | None:
        """What its sublayers keep between passes: the mixer, and of the MLPs those few that look at other tokens."""
        mixer: LayerState | None = self.mixer.new_state(room)
        make = getattr(self.mlp, "new_state", None)
        return OfSublayers((mixer, make(room))) if make else mixer
