"""What this program uses of torch that torch does not publish: it may go in any release, and then all goes without.

Each has a published way that gives the same numbers, slower: `linear` for `onednn_linear`, plain products for the flash
kernel. Written for torch 2.13.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor
from torch.autograd import forward_ad


def _operator(library: str, name: str) -> Any:
    """An operator, or None where this build of torch has none of that name."""
    return getattr(getattr(torch.ops, library), name, None)


ONEDNN_LINEAR = _operator("mkldnn", "_linear_pointwise") if torch.backends.mkldnn.is_available() else None  # type: ignore[no-untyped-call]
FLASH = _operator("aten", "_scaled_dot_product_flash_attention_for_cpu")
FLASH_BACKWARD = _operator("aten", "_scaled_dot_product_flash_attention_for_cpu_backward")


def has_onednn_linear() -> bool:
    """Whether `onednn_linear` is there."""
    return ONEDNN_LINEAR is not None


def onednn_linear(x: Tensor, matrix: Tensor, bias: Tensor | None) -> Tensor:
    """X W^T (+ b) by oneDNN, [.., in] and [out, in] -> [.., out]; it has no gradient, and no rule for a transform."""
    assert ONEDNN_LINEAR is not None
    out: Tensor = ONEDNN_LINEAR(x, matrix, bias, "none", [], "")
    return out


def has_flash() -> bool:
    """Whether `flash` and `flash_backward` are there."""
    return FLASH is not None and FLASH_BACKWARD is not None


def flash(q: Tensor, k: Tensor, v: Tensor, causal: bool, mask: Tensor | None, scale: float) -> tuple[Tensor, Tensor]:
    """Attention by the CPU's kernel, with the log-sum-exp of the scores, which the published one keeps for itself.

    Args:
        q: queries, [batch, heads, rows, C].
        k: keys, [batch, heads, key rows, C].
        v: values likewise.
        causal: whether row i sees the rows 0 to i of the keys.
        mask: what is added to the scores, broadcast to [batch, heads, rows, key rows].
        scale: what the products are multiplied by.

    Returns:
        Weighted values, [batch, heads, rows, C], and the log-sum-exp, [batch, heads, rows].
    """
    out, lse = FLASH(q, k, v, 0.0, causal, attn_mask=mask, scale=scale)
    return out, lse


def flash_backward(
    grad: Tensor,
    q: Tensor,
    k: Tensor,
    v: Tensor,
    out: Tensor,
    lse: Tensor,
    causal: bool,
    mask: Tensor | None,
    scale: float,
) -> tuple[Tensor, Tensor, Tensor]:
    """Gradients of q, k and v, if `out` and `lse` are those over all keys of each query."""
    q_grad, k_grad, v_grad = FLASH_BACKWARD(grad, q, k, v, out, lse, 0.0, causal, attn_mask=mask, scale=scale)
    return q_grad, k_grad, v_grad


def watched() -> bool:
    """Whether a compiler, a tracer, a counter or a transform is at work, none of which knows `onednn_linear`."""
    try:
        return transformed() or torch._C._len_torch_dispatch_stack() > 0
    except AttributeError:
        return True  # nothing tells any more, so nothing private may be called


def transformed() -> bool:
    """Whether a compiler, a tracer or a transform such as `torch.func.grad` is at work, which own gradients stop."""
    if torch.compiler.is_compiling() or torch.jit.is_tracing():  # type: ignore[attr-defined, no-untyped-call]
        return True
    try:
        return torch._C._are_functorch_transforms_active() or forward_ad._current_level >= 0
    except AttributeError:
        return True
