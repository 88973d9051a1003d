"""Blocks: two sublayers joined to the residual stream, [B, T, D] -> [B, T, D]. A residual choice says how."""

from __future__ import annotations

from torch import Tensor, nn

from harness.choices.axes import Choices
from harness.choices.base import Dims
from harness.choices.residuals import Residual
from harness.modules import computed_by
from harness.modules.step import LayerStep


class Block(nn.Module):
    """The parts of a block with one norm a sublayer; subclasses wire them."""

    def __init__(self, residual: Residual, dims: Dims, choices: Choices) -> None:
        super().__init__()
        self.attention_norm = computed_by(choices.norm)(choices.norm, dims)
        self.attention = computed_by(choices.attention)(choices.attention, dims, choices)
        self.mlp_norm = computed_by(choices.norm)(choices.norm, dims)
        self.mlp = computed_by(choices.mlp)(choices.mlp, dims)

    def forward(self, x: Tensor, step: LayerStep) -> Tensor:
        """[B, T, D] -> [B, T, D]."""
        raise NotImplementedError
