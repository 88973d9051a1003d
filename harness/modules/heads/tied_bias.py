"""Tied head with a bias."""

import torch
from torch import Tensor, nn

from harness.choices.base import Dims
from harness.choices.heads.tied_bias import TiedBias
from harness.modules import computes
from harness.modules.heads import HeadModule
from harness.modules.kernels.products import product


class Bias(nn.Module):
    """What a linear layer adds."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.bias = nn.Parameter(torch.empty(width))

    def forward(self, x: Tensor) -> Tensor:
        """X + b."""
        return x + self.bias


@computes(TiedBias)
class TiedBiasHead(HeadModule):
    """Multiplies by the token table and adds a bias, which has the name that an untied head's has."""

    def __init__(self, head: TiedBias, dims: Dims) -> None:
        super().__init__(head, dims)
        self.out = Bias(dims.vocab_size)

    def forward(self, x: Tensor, table: Tensor) -> Tensor:
        """[B, T, D], [V, D] -> [B, T, V]."""
        return self.finished(self.out(product(self.onto(x), table)))
