"""Plain MLP with an activation that is trained."""

import math

import torch
from torch import Tensor, nn
from torch.nn.functional import softplus

from harness.choices.base import Dims
from harness.choices.mlps.xielu import XIELU
from harness.modules import computes
from harness.modules.mlps import ActivatedMLP

START = 0.8
"""What the paper's authors start both numbers from, in their code."""


@computes(XIELU)
class XIELUMLP(ActivatedMLP):
    """down(xielu(up(x)))."""

    def __init__(self, mlp: XIELU, dims: Dims) -> None:
        super().__init__(mlp, dims)
        self.beta = mlp.beta
        self.above = nn.Parameter(torch.empty(1))
        self.below = nn.Parameter(torch.empty(1))

    def start(self, generator: torch.Generator) -> None:
        """Both numbers at 0.8, or the lower one just above beta where that is more."""
        nn.init.constant_(self.above, math.log(math.expm1(START)))
        nn.init.constant_(self.below, math.log(math.expm1(max(START - self.beta, 0.1))))

    def activation(self, x: Tensor) -> Tensor:
        """Its two halves; e^x - 1 is taken where it stays finite."""
        above, below = softplus(self.above), self.beta + softplus(self.below)
        curved = torch.where(x > 0, above * x * x, below * (torch.expm1(x.clamp(max=0)) - x))
        return curved + self.beta * x
