"""Pre-LN block."""

from torch import Tensor

from harness.choices.residuals.pre import PreNorm
from harness.modules import computes
from harness.modules.residuals import Block
from harness.modules.step import LayerStep


@computes(PreNorm)
class PreNormBlock(Block):
    """x + sublayer(norm(x)), twice."""

    def forward(self, x: Tensor, step: LayerStep) -> Tensor:
        """[B, T, D] -> [B, T, D]."""
        x = x + self.attention(self.attention_norm(x), step)
        out: Tensor = x + self.mlp(self.mlp_norm(x))
        return out
