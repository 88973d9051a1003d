"""Torch's layers without their own initialisation: the factory draws all weights in one place."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn.functional import linear

MANY = 256
"""Vectors from which on a processor gains by computing a product part by part."""
WIDE, PART = 4096, 1024
"""Columns of a product that is computed part by part, and of a part: a core's cache holds not many more."""


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


def product(x: Tensor, matrix: Tensor, bias: Tensor | None = None) -> Tensor:
    """X W^T (+ b), [.., in] and [out, in] -> [.., out]; many vectors times a wide matrix part by part."""
    out = int(matrix.shape[0])  # int: while fvcore traces, a size is a tensor
    if out <= WIDE or not computed_in_parts(x):
        return linear(x, matrix, bias)
    rows = x.flatten(0, -2)
    result = rows.new_empty(len(rows), out)
    for start in range(0, out, PART):
        part = slice(start, start + PART)
        if bias is None:
            torch.mm(rows, matrix[part].T, out=result[:, part])
        else:
            torch.addmm(bias[part], rows, matrix[part].T, out=result[:, part])
    return result.view(*x.shape[:-1], out)


def computed_in_parts(x: Tensor) -> bool:
    """Whether products of these vectors, [.., in], gain by parts, which write into one result.

    Not where a gradient is to come, for that needs each result, and not under autocast, which knows no given results.
    """
    many = x.dim() > 1 and x.is_cpu and x.numel() >= MANY * x.shape[-1]
    return many and not torch.is_grad_enabled() and not torch.is_autocast_enabled("cpu")


def laid_out(matrix: Tensor) -> Tensor:
    """An empty [out, in] matrix whose longer dimension lies side by side in memory.

    One vector times a matrix is bound by reading the matrix. Long rows are read faster, up to twice for a head of
    49152 x 576 on one core; products of many vectors do not care.
    """
    out, width = matrix.shape
    return matrix.new_empty(width, out).T if out > width else matrix
