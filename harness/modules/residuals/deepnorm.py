"""Post-LN block with DeepNorm's weight on the stream."""

from torch import Tensor

from harness.choices.axes import Choices
from harness.choices.base import Dims
from harness.choices.residuals.deepnorm import DeepNorm
from harness.modules import computes
from harness.modules.residuals import Block
from harness.modules.step import LayerStep


@computes(DeepNorm)
class DeepNormBlock(Block):
    """norm(alpha x + scale sublayer(x)), twice."""

    def __init__(self, residual: DeepNorm, dims: Dims, choices: Choices) -> None:
        super().__init__(residual, dims, choices)
        self.alpha, self.scale = residual.alpha_at(dims), residual.scale

    def forward(self, x: Tensor, step: LayerStep) -> Tensor:
        """[B, T, D] -> [B, T, D]."""
        x = self.mixer_norm(self.alpha * x + self._scaled(self.mixer(x, step)))
        out: Tensor = self.mlp_norm(self.alpha * x + self._scaled(self.mlp(x, step)))
        return out

    def _scaled(self, x: Tensor) -> Tensor:
        return x if self.scale == 1.0 else x * self.scale
