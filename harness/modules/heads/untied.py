"""Untied head."""

from torch import Tensor, nn

from harness.choices.base import Dims
from harness.choices.heads.untied import Untied
from harness.modules import computes
from harness.modules.layers import Linear


@computes(Untied)
class UntiedHead(nn.Module):
    """Multiplies by a matrix of its own."""

    def __init__(self, head: Untied, dims: Dims) -> None:
        super().__init__()
        self.out = Linear(dims.hidden_size, dims.vocab_size, head.bias)

    def forward(self, x: Tensor, table: Tensor) -> Tensor:
        """[B, T, D] -> [B, T, V]; the table is not used."""
        logits: Tensor = self.out(x)
        return logits
