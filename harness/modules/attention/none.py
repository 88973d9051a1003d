"""No attention."""

from torch import Tensor, nn

from harness.choices.attention.none import NoAttention
from harness.choices.axes import Choices
from harness.choices.base import Dims
from harness.modules import computes
from harness.modules.step import LayerStep


@computes(NoAttention)
class NoAttentionLayer(nn.Module):
    """Adds nothing to the residual stream."""

    def __init__(self, attention: NoAttention, dims: Dims, choices: Choices) -> None:
        super().__init__()

    def forward(self, x: Tensor, step: LayerStep) -> Tensor:
        """[B, T, D] -> zeros, [B, T, D]."""
        return x.new_zeros(x.shape)
