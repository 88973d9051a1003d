"""Block with norms on both sides of its sublayers."""

from torch import Tensor, nn

from harness.choices.axes import Choices
from harness.choices.base import Dims
from harness.choices.residuals.sandwich import Sandwich
from harness.modules import computes
from harness.modules.residuals import Block
from harness.modules.step import LayerStep


@computes(Sandwich)
class SandwichBlock(Block):
    """x + scale norm'(sublayer(norm(x))), twice."""

    norm_names = ("mixer_norm", "mixer_out_norm", "mlp_norm", "mlp_out_norm")
    mixer_out_norm: nn.Module
    mlp_out_norm: nn.Module

    def __init__(self, residual: Sandwich, dims: Dims, choices: Choices) -> None:
        super().__init__(residual, dims, choices)
        self.scale = residual.scale

    def forward(self, x: Tensor, step: LayerStep) -> Tensor:
        """[B, T, D] -> [B, T, D]."""
        x = x + self._scaled(self.mixer_out_norm(self.mixer(self.mixer_norm(x), step)))
        return x + self._scaled(self.mlp_out_norm(self.mlp(self.mlp_norm(x), step)))

    def _scaled(self, x: Tensor) -> Tensor:
        return x if self.scale == 1.0 else x * self.scale
