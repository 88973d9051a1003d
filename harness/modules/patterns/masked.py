"""Any pattern as dense attention: under its mask, or where all keys up to each query are seen, or all, without one."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

import torch
from torch import Tensor
from torch.nn.functional import scaled_dot_product_attention

from harness.choices.patterns import Pattern
from harness.modules.patterns import View
from harness.modules.products import product, suits_onednn

LONG = 4096
"""Keys from which on one query is computed faster by products than by torch's kernel for the CPU."""
STRIP, WIDE_STRIP = 64, 1024
"""Queries that are attended at once under a mask on the CPU, and on devices that want more at once: no mask is of more
rows, nor, but for context, of keys behind them."""
FEW = 4
"""Queries of a key head, of fewer of which the scores take longest to be read rather than computed."""


def attend_masked(pattern: Pattern, q: Tensor, k: Tensor, v: Tensor, view: View) -> Tensor:
    """Softmax over the visible keys, [B, T, H, C].

    On the meta device it is one kernel over all pairs, as a counter expects of a mask.
    """
    n, rows = int(q.shape[1]), STRIP if q.is_cpu else WIDE_STRIP
    if q.is_meta or n <= rows:
        return _attend_strip(pattern, q, k, v, view)
    behind = n == int(k.shape[1]) and isinstance(view.context, int) and view.context <= rows
    strips = []
    for start in range(0, n, rows):
        end = min(start + rows, n)
        seen = end if behind else int(k.shape[1])
        part = replace(view, queries=view.queries[..., start:end], keys=view.keys[..., :seen], from_start=False)
        strips.append(_attend_strip(pattern, q[:, start:end], k[:, :seen], v[:, :seen], part))
    return torch.cat(strips, 1)


def _attend_strip(pattern: Pattern, q: Tensor, k: Tensor, v: Tensor, view: View) -> Tensor:
    if view.softcap is not None:
        return _attend_capped(q, k, v, mask(pattern, view, q.dtype), view)
    return _attend(q, k, v, view, mask=mask(pattern, view, q.dtype))


def attend_causally(q: Tensor, k: Tensor, v: Tensor, view: View) -> Tensor:
    """Softmax over all keys for one query each, or, from the start, over the keys up to each query, [B, T, H, C]."""
    return _attend(q, k, v, view, triangle=view.from_start)


def attend_all(q: Tensor, k: Tensor, v: Tensor, view: View) -> Tensor:
    """Softmax over all keys, [B, T, H, C]."""
    return _attend(q, k, v, view)


def mask(pattern: Pattern, view: View, dtype: torch.dtype) -> Tensor:
    """The visible pairs, [1 or B, 1, T, S] of bool; with a bias its scores, -inf where hidden, [1 or B, H, T, S]."""
    context = view.context if isinstance(view.context, int) else view.context[:, None, None]
    queries, keys = view.queries[..., :, None], view.keys[..., None, :]
    visible = pattern.visible(queries, keys, context)  # [T, S] or [B, T, S]
    if view.padded:  # padding sees itself, so that its softmax has a sum
        visible = (visible & (keys >= 0)) | ((queries < 0) & (keys == queries))
    visible = visible.reshape(-1, 1, *visible.shape[-2:])
    if view.bias is None:
        return visible
    return view.bias(view.queries, view.keys).masked_fill(~visible, float("-inf")).to(dtype)


def _attend(q: Tensor, k: Tensor, v: Tensor, view: View, mask: Tensor | None = None, triangle: bool = False) -> Tensor:
    heads, groups = int(q.shape[2]), int(k.shape[2])  # int: while fvcore traces, a size is a tensor
    q, k, v = (x.transpose(1, 2) for x in (q, k, v))  # [B, heads, T or S, C], as torch wants them
    if int(q.shape[2]) == 1:
        return _attend_folded(q, k, v, view, mask)
    out = scaled_dot_product_attention(
        q, k, v, attn_mask=mask, is_causal=triangle, scale=view.scale, enable_gqa=heads > groups
    )
    return out.transpose(1, 2)


def _attend_folded(q: Tensor, k: Tensor, v: Tensor, view: View, mask: Tensor | None) -> Tensor:
    """One query a head, [B, H, 1, C]: those that share a key head are its queries, which reads each key once."""
    if mask is not None and int(mask.shape[1]) > 1:
        mask = mask.reshape(int(mask.shape[0]), int(k.shape[1]), -1, int(mask.shape[-1]))
    queries = q.reshape(int(q.shape[0]), int(k.shape[1]), -1, int(q.shape[-1]))
    if mask is None and int(k.shape[2]) >= LONG and suits_onednn(queries, k[0, 0]):
        out = _by_products(queries, k, v, view.scale or int(q.shape[-1]) ** -0.5)
    else:
        out = scaled_dot_product_attention(queries, k, v, attn_mask=mask, scale=view.scale)
    return out.reshape(q.shape).transpose(1, 2)


def _by_products(q: Tensor, k: Tensor, v: Tensor, scale: float) -> Tensor:
    """Softmax over all keys, [B, K, g, C] for q: all reading is that of matrices, of one key head each."""
    queries, keys, values = (q * scale).flatten(0, 1), k.flatten(0, 1), v.flatten(0, 1)  # [B x K, ..]
    scores: Iterable[Tensor]
    if int(q.shape[2]) < FEW:
        scores = (keys @ queries.mT).mT  # with the larger factor on the left, as MKL wants it
    else:
        scores = (product(*pair) for pair in zip(queries, keys, strict=True))
    heads = [product(each.softmax(-1), of.mT) for each, of in zip(scores, values, strict=True)]
    return torch.stack(heads).view(q.shape)


def _attend_capped(q: Tensor, k: Tensor, v: Tensor, mask: Tensor, view: View) -> Tensor:
    """Written out, for torch's kernel caps no scores; the queries that share a key head are rows of one product."""
    assert view.softcap is not None
    q, k, v = q.transpose(1, 2), k.transpose(1, 2), v.transpose(1, 2)
    rows = int(k.shape[0]), int(k.shape[1]), -1
    scores = q.reshape(*rows, q.shape[-1]) @ k.transpose(2, 3) * (view.scale or int(q.shape[-1]) ** -0.5)
    scores = view.softcap * (scores / view.softcap).tanh().view(*q.shape[:3], -1)
    scores = scores.masked_fill(~mask, float("-inf")) if mask.dtype == torch.bool else scores + mask
    return (scores.softmax(-1).view(*rows, scores.shape[-1]) @ v).view(q.shape).transpose(1, 2)
