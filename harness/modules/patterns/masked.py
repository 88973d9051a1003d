"""Any pattern as dense attention under its mask: it computes all n^2 pairs, and holds for every pattern."""

from __future__ import annotations

from torch import Tensor
from torch.nn.functional import scaled_dot_product_attention

from harness.choices.patterns import Pattern
from harness.choices.patterns.banded import Banded
from harness.choices.patterns.fixed import Fixed
from harness.choices.patterns.log_sparse import LogSparse
from harness.choices.patterns.prefix import Prefix
from harness.choices.patterns.strided import Strided
from harness.modules import computes
from harness.modules.patterns import View


@computes(Prefix, Banded, Strided, Fixed, LogSparse)
def attend_masked(pattern: Pattern, q: Tensor, k: Tensor, v: Tensor, view: View) -> Tensor:
    """Softmax over the visible keys, [B, T, H, C]."""
    return _attend(q, k, v, mask=mask(pattern, view))


def attend_causally(q: Tensor, k: Tensor, v: Tensor, *, triangle: bool) -> Tensor:
    """Softmax over all keys, or with `triangle` over those up to the query of as many, [B, T, H, C]."""
    return _attend(q, k, v, triangle=triangle)


def mask(pattern: Pattern, view: View) -> Tensor:
    """The visible pairs, [1 or B, 1, T, S] of bool; with a bias its scores, -inf where hidden, [1 or B, H, T, S]."""
    context = view.context if isinstance(view.context, int) else view.context[:, None, None]
    visible = pattern.visible(view.queries[:, None], view.keys[None, :], context)  # [T, S] or [B, T, S]
    visible = visible.reshape(-1, 1, *visible.shape[-2:])
    return visible if view.bias is None else view.bias.masked_fill(~visible, float("-inf"))


def _attend(q: Tensor, k: Tensor, v: Tensor, mask: Tensor | None = None, triangle: bool = False) -> Tensor:
    q, k, v = (x.transpose(1, 2) for x in (q, k, v))  # [B, heads, T or S, C], as torch wants them
    grouped = int(q.shape[1]) != int(k.shape[1])  # int: while fvcore traces, a size is a tensor
    out = scaled_dot_product_attention(q, k, v, attn_mask=mask, is_causal=triangle, enable_gqa=grouped)
    return out.transpose(1, 2)
