"""Post-LN block."""

from torch import Tensor

from harness.choices.residuals.post import PostNorm
from harness.modules import computes
from harness.modules.residuals import Block
from harness.modules.step import LayerStep


@computes(PostNorm)
class PostNormBlock(Block):
    """norm(x + sublayer(x)), twice."""

    def forward(self, x: Tensor, step: LayerStep) -> Tensor:
        """[B, T, D] -> [B, T, D]."""
        x = self.mixer_norm(x + self.mixer(x, step))
        out: Tensor = self.mlp_norm(x + self.mlp(x, step))
        return out
