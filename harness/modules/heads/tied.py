"""Tied head."""

from torch import Tensor

from harness.choices.heads.tied import Tied
from harness.modules import computes
from harness.modules.heads import HeadModule
from harness.modules.kernels.products import product


@computes(Tied)
class TiedHead(HeadModule):
    """Multiplies by the token table."""

    def forward(self, x: Tensor, table: Tensor) -> Tensor:
        """[B, T, D], [V, D] -> [B, T, V]."""
        return self.finished(product(self.onto(x), table))
