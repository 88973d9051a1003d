"""Torch's layers without their own initialisation: the factory draws all weights in one place."""

from __future__ import annotations

from torch import Tensor, nn

from harness.modules.products import product


class Linear(nn.Linear):
    """y = x W^T (+ b)."""

    def __init__(self, in_features: int, out_features: int, bias: bool = True) -> None:
        super().__init__(in_features, out_features, bias)
        self.weight = nn.Parameter(laid_out(self.weight))

    def reset_parameters(self) -> None:
        """Nothing; see `harness.factory.initialise`."""

    def forward(self, x: Tensor) -> Tensor:
        """[.., in] -> [.., out]."""
        return product(x, self.weight, self.bias)


class Table(nn.Embedding):
    """A trained vector for each index.

    Args:
        multiplies: whether the table is also the matrix of a product.
    """

    def __init__(self, count: int, width: int, multiplies: bool = False) -> None:
        super().__init__(count, width)
        if multiplies:
            self.weight = nn.Parameter(laid_out(self.weight))

    def reset_parameters(self) -> None:
        """Nothing; see `harness.factory.initialise`."""


def laid_out(matrix: Tensor) -> Tensor:
    """An empty [out, in] matrix whose longer dimension lies side by side in memory.

    One vector times a matrix is bound by reading the matrix. Long rows are read faster, up to twice for a head of
    49152 x 576 on one core; products of many vectors do not care.
    """
    out, width = matrix.shape
    return matrix.new_empty(width, out).T if out > width else matrix
