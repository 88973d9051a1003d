"""Products of vectors with a matrix, by the library that is the faster one on this processor."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor
from torch.nn.functional import linear

from harness.modules.kernels import torch_private
from harness.tuning import NEVER, tuning


def product(x: Tensor, matrix: Tensor, bias: Tensor | None = None) -> Tensor:
    """X W^T (+ b), [.., in] and [out, in] -> [.., out].

    Torch's own library in single precision is MKL on x86, whose kernels for other makers' processors than Intel's have
    half the speed of oneDNN's. Torch brings both, and takes oneDNN for other precisions.
    """
    if tuning().onednn_from == NEVER:
        return linear(x, matrix, bias)
    trained = torch.is_grad_enabled() and any(each is not None and each.requires_grad for each in (x, matrix, bias))
    if not by_onednn(x, matrix, trained):
        return linear(x, matrix, bias)
    if not trained:
        return torch_private.onednn_linear(x, matrix, bias)
    out: Tensor = _Product.apply(x, matrix, bias)  # type: ignore[no-untyped-call]
    return out


def by_onednn(x: Tensor, matrix: Tensor, trained: bool = False) -> bool:
    """Whether it can multiply these, [.., in] and [out, in], and is the faster, with their gradients if `trained`."""
    row = tuning()
    return (
        not torch_private.watched()  # first: to a tracer sizes are tensors
        and x.numel() * int(matrix.shape[0]) >= (row.onednn_gradients_from if trained else row.onednn_from)
        and x.is_cpu
        and x.dtype == matrix.dtype == torch.float32
        and not torch.is_autocast_enabled("cpu")
        and (matrix.is_contiguous() or matrix.mT.is_contiguous())  # it takes a thousand times as long for a part
        and torch_private.has_onednn_linear()
    )


class _Product(torch.autograd.Function):
    """By oneDNN, whose operator has no gradient of its own; the gradients are products again."""

    @staticmethod
    def forward(ctx: Any, x: Tensor, matrix: Tensor, bias: Tensor | None) -> Tensor:
        for_x, for_matrix, _ = ctx.needs_input_grad
        ctx.save_for_backward(x if for_matrix else None, matrix if for_x else None)
        return torch_private.onednn_linear(x, matrix, bias)

    @staticmethod
    def backward(ctx: Any, grad: Tensor) -> tuple[Tensor | None, ...]:
        x, matrix = ctx.saved_tensors
        for_x, for_matrix, for_bias = ctx.needs_input_grad
        rows = _rows(grad)
        return (
            product(grad, matrix.mT) if for_x else None,
            _sum_of_outer(rows, _rows(x)) if for_matrix else None,
            rows.sum(0) if for_bias else None,
        )


def _rows(x: Tensor) -> Tensor:
    """[.., n] -> [rows, n], dense."""
    return x.reshape(-1, int(x.shape[-1])).contiguous()


def _sum_of_outer(left: Tensor, right: Tensor) -> Tensor:
    """L^T R, [rows, out] and [rows, in] -> [out, in], with the wider one as the matrix, which is faster."""
    if left.shape[1] <= right.shape[1]:
        return product(left.mT, right.mT)
    return product(right.mT, left.mT).mT
