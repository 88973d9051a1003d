"""Pre-LN block."""

from torch import Tensor

from harness.choices.axes import Choices
from harness.choices.base import Dims
from harness.choices.residuals.pre import PreNorm
from harness.modules import computes
from harness.modules.residuals import Block
from harness.modules.step import LayerStep


@computes(PreNorm)
class PreNormBlock(Block):
    """x + scale sublayer(norm(x)), twice."""

    def __init__(self, residual: PreNorm, dims: Dims, choices: Choices) -> None:
        super().__init__(residual, dims, choices)
        self.scale = residual.scale

    def forward(self, x: Tensor, step: LayerStep) -> Tensor:
        """[B, T, D] -> [B, T, D]."""
        x = x + self._scaled(self.mixer(self.mixer_norm(x), step))
        return x + self._scaled(self.mlp(self.mlp_norm(x), step))

    def _scaled(self, x: Tensor) -> Tensor:
        return x if self.scale == 1.0 else x * self.scale
