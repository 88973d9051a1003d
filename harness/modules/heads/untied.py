"""Untied head."""

import torch
from torch import Tensor

from harness.choices.base import Dims
from harness.choices.heads.untied import Untied
from harness.modules import computes
from harness.modules.heads import HeadModule
from harness.modules.kernels.products import product
from harness.modules.layers import Linear


@computes(Untied)
class UntiedHead(HeadModule):
    """Multiplies by a matrix of its own."""

    def __init__(self, head: Untied, dims: Dims) -> None:
        super().__init__(head, dims)
        self.out = Linear(head.width or dims.hidden_size, dims.vocab_size, head.bias)
        self.normalised = head.normalised

    def forward(self, x: Tensor, table: Tensor) -> Tensor:
        """[B, T, D] -> [B, T, V]; the table is not used."""
        x = self.onto(x)
        return self.finished(product(x, self._unit_rows(), self.out.bias) if self.normalised else self.out(x))

    def _unit_rows(self) -> Tensor:
        """The matrix with rows of length 1, [V, D]; a row of zeros stays."""
        lengths = torch.linalg.vector_norm(self.out.weight, dim=1, keepdim=True)
        rows: Tensor = self.out.weight / lengths.clamp(min=1e-12)
        return rows
