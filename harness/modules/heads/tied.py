"""Tied head."""

from torch import Tensor, nn
from torch.nn.functional import linear

from harness.choices.base import Dims
from harness.choices.heads.tied import Tied
from harness.modules import computes


@computes(Tied)
class TiedHead(nn.Module):
    """Multiplies by the token table."""

    def __init__(self, head: Tied, dims: Dims) -> None:
        super().__init__()

    def forward(self, x: Tensor, table: Tensor) -> Tensor:
        """[B, T, D], [V, D] -> [B, T, V]."""
        return linear(x, table)
