"""Products of vectors with a matrix, by the faster of the two libraries that torch brings for a processor."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor
from torch.autograd import forward_ad
from torch.nn.functional import linear

WORTHWHILE = 1 << 18
"""Multiply-adds from which on oneDNN is the faster: a call of it costs some 5 us more."""
WORTH_A_GRADIENT = 1 << 21
"""Multiply-adds from which on it is the faster in training, where its gradient is called for by way of Python."""


def product(x: Tensor, matrix: Tensor, bias: Tensor | None = None) -> Tensor:
    """X W^T (+ b), [.., in] and [out, in] -> [.., out].

    Torch multiplies in single precision by MKL, whose kernels for processors of other makers than Intel have half the
    speed of oneDNN's, and read one vector's matrix up to a third slower. Torch uses oneDNN for other precisions.
    """
    trained = torch.is_grad_enabled() and any(each is not None and each.requires_grad for each in (x, matrix, bias))
    if not suits_onednn(x, matrix, trained):
        return linear(x, matrix, bias)
    if not trained:
        return _by_onednn(x, matrix, bias)
    out: Tensor = _Product.apply(x, matrix, bias)  # type: ignore[no-untyped-call]
    return out


def suits_onednn(x: Tensor, matrix: Tensor, trained: bool = False) -> bool:
    """Whether it can multiply these, [.., in] and [out, in], and is the faster, with their gradients if `trained`."""
    return (
        not _looked_on()
        and x.is_cpu
        and x.dtype == matrix.dtype == torch.float32
        and not torch.is_autocast_enabled("cpu")
        and x.numel() * int(matrix.shape[0]) >= (WORTH_A_GRADIENT if trained else WORTHWHILE)
        and (matrix.is_contiguous() or matrix.mT.is_contiguous())  # it takes a thousand times as long for a part
        and torch.backends.mkldnn.is_available()  # type: ignore[no-untyped-call]
    )


def _looked_on() -> bool:
    """Whether a compiler, a tracer, a counter or a transform is at work, none of which knows the operator."""
    return (
        torch.compiler.is_compiling()
        or torch.jit.is_tracing()  # type: ignore[attr-defined, no-untyped-call]
        or torch._C._len_torch_dispatch_stack() > 0
        or torch._C._are_functorch_transforms_active()
        or forward_ad._current_level >= 0
    )


def _by_onednn(x: Tensor, matrix: Tensor, bias: Tensor | None) -> Tensor:
    out: Tensor = torch.ops.mkldnn._linear_pointwise(x, matrix, bias, "none", [], "")
    return out


class _Product(torch.autograd.Function):
    """By oneDNN, whose operator has no gradient of its own; the gradients are products again."""

    @staticmethod
    def forward(ctx: Any, x: Tensor, matrix: Tensor, bias: Tensor | None) -> Tensor:
        for_x, for_matrix, _ = ctx.needs_input_grad
        ctx.save_for_backward(x if for_matrix else None, matrix if for_x else None)
        return _by_onednn(x, matrix, bias)

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
