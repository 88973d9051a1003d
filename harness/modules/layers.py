"""Torch's layers without their own initialisation: the factory draws all weights in one place."""

from __future__ import annotations

from torch import Tensor, nn

from harness.modules.kernels.products import product


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
