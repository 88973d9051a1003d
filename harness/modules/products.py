"""Products of vectors with a matrix, by the faster of the two libraries that torch brings for a processor."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor
from torch.nn.functional import linear

WORTHWHILE = 1 << 18
"""Multiply-adds from which on oneDNN is the faster: a call of it costs some 5 us more."""
WORTH_A_GRADIENT = 1 << 20
"""Multiply-adds from which on it is the faster in training, where its gradient is called for by way of Python."""


def product(x: Tensor, matrix: Tensor, bias: Tensor | None = None) -> Tensor:
    """X W^T (+ b), [.., in] and [out, in] -> [.., out].

    Torch multiplies in single precision by MKL, whose kernels for processors of other makers than Intel have half the
    speed of oneDNN's, and read one vector's matrix up to a third slower. Torch uses oneDNN for other precisions.
    """
    if not suits_onednn(x, matrix):
        return linear(x, matrix, bias)
    if torch.is_grad_enabled():
        out: Tensor = _Product.apply(x, matrix, bias)  # type: ignore[no-untyped-call]
        return out
    return _by_onednn(x, matrix, bias)


def suits_onednn(x: Tensor, matrix: Tensor) -> bool:
    """Whether it can multiply these, where no counter looks on, and is the faster."""
    if torch.compiler.is_compiling() or torch.jit.is_tracing():  # type: ignore[attr-defined, no-untyped-call]
        return False
    return (
        x.is_cpu
        and x.dtype == matrix.dtype == torch.float32
        and not torch.is_autocast_enabled("cpu")
        and x.numel() * int(matrix.shape[0]) >= (WORTH_A_GRADIENT if torch.is_grad_enabled() else WORTHWHILE)
        and (matrix.is_contiguous() or matrix.mT.is_contiguous())  # it takes a thousand times as long for a part
        and torch.backends.mkldnn.is_available()  # type: ignore[no-untyped-call]
    )


def _by_onednn(x: Tensor, matrix: Tensor, bias: Tensor | None) -> Tensor:
    out: Tensor = torch.ops.mkldnn._linear_pointwise(x, matrix, bias, "none", [], "")
    return out


class _Product(torch.autograd.Function):
    """By oneDNN, whose operator has no gradient of its own; the gradients are products again."""

    @staticmethod
    def forward(ctx: Any, x: Tensor, matrix: Tensor, bias: Tensor | None) -> Tensor:
        ctx.save_for_backward(x, matrix)
        return _by_onednn(x, matrix, bias)

    @staticmethod
    def backward(ctx: Any, grad: Tensor) -> tuple[Tensor | None, ...]:
        x, matrix = ctx.saved_tensors
        for_x, for_matrix, for_bias = ctx.needs_input_grad
        return (
            product(grad, matrix.mT) if for_x else None,
            _sum_of_outer(_rows(grad), _rows(x)) if for_matrix else None,
            _rows(grad).sum(0) if for_bias else None,
        )


def _rows(x: Tensor) -> Tensor:
    """[.., n] -> [rows, n], dense."""
    return x.reshape(-1, int(x.shape[-1])).contiguous()


def _sum_of_outer(left: Tensor, right: Tensor) -> Tensor:
    """L^T R, [rows, out] and [rows, in] -> [out, in], with the wider one as the matrix, which is faster."""
    if left.shape[1] <= right.shape[1]:
        return product(left.mT, right.mT)
    return product(right.mT, left.mT).mT
