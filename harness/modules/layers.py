"""Torch's layers without their own initialisation: the factory draws all weights in one place."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from harness.modules.kernels.products import product

INIT_STD = 0.02
"""Standard deviation of fresh weights: Radford et al. 2018 (GPT-1), section 4.1."""


@torch.no_grad()
def draw(weight: Tensor, std: float, generator: torch.Generator) -> None:
    """Fill a weight from a normal distribution."""
    weight.normal_(0.0, std, generator=generator)


class Linear(nn.Linear):
    """y = x W^T (+ b)."""

    def reset_parameters(self) -> None:
        """Nothing; see `harness.factory.initialise`."""

    def forward(self, x: Tensor) -> Tensor:
        """[.., in] -> [.., out]."""
        return product(x, self.weight, self.bias)


class Table(nn.Embedding):
    """A trained vector for each index."""

    def reset_parameters(self) -> None:
        """Nothing; see `harness.factory.initialise`."""
