"""No MLP."""

from torch import Tensor, nn

from harness.choices.base import Dims
from harness.choices.mlps.none import NoMLP
from harness.modules import computes
from harness.modules.step import LayerStep


@computes(NoMLP)
class NoMLPLayer(nn.Module):
    """Adds nothing to the residual stream."""

    def __init__(self, mlp: NoMLP, dims: Dims) -> None:
        super().__init__()

    def forward(self, x: Tensor, step: LayerStep | None = None) -> Tensor:
        """[B, T, D] -> zeros, [B, T, D]."""
        return x.new_zeros(x.shape)
