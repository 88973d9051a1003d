"""Attention by torch's kernel for scaled dot products: over all keys so far, over all, or under a mask.

A way is a function (pattern, q, k, v, view) -> weighted values, [B, T, H, C] for q, [B, S, K, C] for k and v.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import torch
from torch import Tensor
from torch.nn.functional import scaled_dot_product_attention

from harness.choices.patterns import Pattern
from harness.modules.kernels import reference
from harness.modules.kernels.view import View
from harness.tuning import tuning

Way = Callable[[Pattern, Tensor, Tensor, Tensor, View], Tensor]


def causally(pattern: Pattern, q: Tensor, k: Tensor, v: Tensor, view: View) -> Tensor:
    """Softmax over the keys up to each query, from the start."""
    return _by_kernel(q, k, v, view, is_causal=True)


def over_all(pattern: Pattern, q: Tensor, k: Tensor, v: Tensor, view: View) -> Tensor:
    """Softmax over all keys."""
    return _by_kernel(q, k, v, view)


def under_mask(pattern: Pattern, q: Tensor, k: Tensor, v: Tensor, view: View) -> Tensor:
    """Softmax over the visible keys; the torch kernel that takes a mask computes the hidden pairs too."""
    return _in_strips(_masked, pattern, q, k, v, view)


def by_reference(pattern: Pattern, q: Tensor, k: Tensor, v: Tensor, view: View) -> Tensor:
    """Softmax over the visible keys, with what no kernel of torch's can do to scores."""
    return _in_strips(reference.attend, pattern, q, k, v, view)


def folded(q: Tensor, k: Tensor, v: Tensor, view: View, mask: Tensor | None = None) -> Tensor:
    """Softmax over all keys that a mask leaves, for one query a head: a kernel reads every key head once.

    Those that share a key head are the queries of that head.
    """
    if mask is not None and int(mask.shape[1]) > 1:
        mask = mask.reshape(int(mask.shape[0]), int(k.shape[2]), -1, int(mask.shape[-1]))
    queries = q.reshape(int(q.shape[0]), int(k.shape[2]), int(q.shape[2]) // int(k.shape[2]), int(q.shape[-1]))
    out = scaled_dot_product_attention(
        queries, k.transpose(1, 2), v.transpose(1, 2), attn_mask=mask, scale=view.scale
    )  # [B, K, G, C]
    return out.reshape(*q.shape[:3], v.shape[-1])


def _in_strips(way: Way, pattern: Pattern, q: Tensor, k: Tensor, v: Tensor, view: View) -> Tensor:
    """So many queries at a time that no mask holds all pairs, nor any of the future but where context is seen.

    On the meta device it is one call over all pairs, as a counter expects of a mask.
    """
    n, rows = int(q.shape[1]), tuning().mask_strip if q.is_cpu else tuning().mask_strip_elsewhere
    if q.is_meta or n <= rows:
        return way(pattern, q, k, v, view)
    # Where the first strip holds all context, no query sees a key behind its strip. In a padded batch the context of
    # each sequence ends in another column.
    within = isinstance(view.context, int) and view.context <= (1 if view.padded else rows)
    behind = within and n == int(k.shape[1])
    strips = []
    for start in range(0, n, rows):
        end = min(start + rows, n)
        seen = end if behind else int(k.shape[1])
        part = replace(view, queries=view.queries[..., start:end], keys=view.keys[..., :seen], from_start=False)
        strips.append(way(pattern, q[:, start:end], k[:, :seen], v[:, :seen], part))
    return torch.cat(strips, 1)


def _masked(pattern: Pattern, q: Tensor, k: Tensor, v: Tensor, view: View) -> Tensor:
    seen = reference.mask(pattern, view, q.dtype)
    return folded(q, k, v, view, seen) if int(q.shape[1]) == 1 else _by_kernel(q, k, v, view, attn_mask=seen)


def _by_kernel(
    q: Tensor, k: Tensor, v: Tensor, view: View, attn_mask: Tensor | None = None, is_causal: bool = False
) -> Tensor:
    shared = int(q.shape[2]) > int(k.shape[2])  # int: while fvcore traces, a size is a tensor
    q, k, v = (x.transpose(1, 2) for x in (q, k, v))  # [B, heads, T or S, C], as torch wants them
    out = scaled_dot_product_attention(
        q, k, v, attn_mask=attn_mask, is_causal=is_causal, scale=view.scale, enable_gqa=shared
    )
    return out.transpose(1, 2)
