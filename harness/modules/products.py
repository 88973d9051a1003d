"""Products of vectors with a matrix, by the faster of the two libraries that torch brings for a processor."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn.functional import linear

WORTHWHILE = 1 << 18
"""Multiply-adds from which on oneDNN is the faster: a call of it costs some 5 us more."""


def product(x: Tensor, matrix: Tensor, bias: Tensor | None = None) -> Tensor:
    """X W^T (+ b), [.., in] and [out, in] -> [.., out].

    Torch multiplies in single precision by MKL, whose kernels for processors of other makers than Intel have half the
    speed of oneDNN's, and read one vector's matrix up to a third slower. Torch uses oneDNN for other precisions.
    """
    if suits_onednn(x, matrix):
        out: Tensor = torch.ops.mkldnn._linear_pointwise(x, matrix, bias, "none", [], "")
        return out
    return linear(x, matrix, bias)


def suits_onednn(x: Tensor, matrix: Tensor) -> bool:
    """Whether it can multiply these, which has no gradient and no counter, and is the faster."""
    if torch.compiler.is_compiling() or torch.jit.is_tracing():  # type: ignore[attr-defined, no-untyped-call]
        return False
    return (
        x.is_cpu
        and x.dtype == matrix.dtype == torch.float32
        and not torch.is_grad_enabled()
        and not torch.is_autocast_enabled("cpu")
        and x.numel() * int(matrix.shape[0]) >= WORTHWHILE
        and (matrix.is_contiguous() or matrix.mT.is_contiguous())  # it takes a thousand times as long for a part
        and torch.backends.mkldnn.is_available()  # type: ignore[no-untyped-call]
    )
