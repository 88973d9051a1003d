"""Block that normalises what its sublayers add."""

from torch import Tensor

from harness.choices.residuals.reordered import Reordered
from harness.modules import computes
from harness.modules.residuals import Block
from harness.modules.step import LayerStep


@computes(Reordered)
class ReorderedBlock(Block):
    """x + norm(sublayer(x)), twice."""

    def forward(self, x: Tensor, step: LayerStep) -> Tensor:
        """[B, T, D] -> [B, T, D]."""
        x = x + self.mixer_norm(self.mixer(x, step))
        out: Tensor = x + self.mlp_norm(self.mlp(x, step))
        return out
