"""Blocks whose sublayers read the same stream."""

from torch import Tensor, nn

from harness.choices.residuals.parallel import Parallel, ParallelTwoNorms
from harness.modules import computes
from harness.modules.residuals import Block
from harness.modules.step import LayerStep


@computes(Parallel)
class ParallelBlock(Block):
    """x + mixer(norm(x)) + mlp(norm(x))."""

    norm_names = ("norm",)
    norm: nn.Module

    def forward(self, x: Tensor, step: LayerStep) -> Tensor:
        """[B, T, D] -> [B, T, D]."""
        normed = self.norm(x)
        # Each sublayer gets a tensor of its own: by that torch's module tracker tells their backward passes apart.
        out: Tensor = x + self.mixer(normed, step) + self.mlp(normed.view_as(normed), step)
        return out


@computes(ParallelTwoNorms)
class ParallelTwoNormsBlock(Block):
    """x + mixer(norm(x)) + mlp(norm'(x))."""

    def forward(self, x: Tensor, step: LayerStep) -> Tensor:
        """[B, T, D] -> [B, T, D]."""
        out: Tensor = x + self.mixer(self.mixer_norm(x), step) + self.mlp(self.mlp_norm(x), step)
        return out
