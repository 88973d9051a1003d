"""Untied head."""

from torch import Tensor

from harness.choices.base import Dims
from harness.choices.heads.untied import Untied
from harness.modules import computes
from harness.modules.heads import HeadModule
from harness.modules.layers import Linear


@computes(Untied)
class UntiedHead(HeadModule):
    """Multiplies by a matrix of its own."""

    def __init__(self, head: Untied, dims: Dims) -> None:
        super().__init__(head, dims)
        self.out = Linear(dims.hidden_size, dims.vocab_size, head.bias)

    def forward(self, x: Tensor, table: Tensor) -> Tensor:
        """[B, T, D] -> [B, T, V]; the table is not used."""
        return self.finished(self.out(x))
