"""Attention over keys and values as a cache holds them: vectors, or codes, which are expanded as late as possible."""

from __future__ import annotations

import torch
from torch import Tensor

from harness.choices.patterns import Pattern, triangle
from harness.modules import computed_by
from harness.modules.cache import Codes, Vectors
from harness.modules.patterns import View
from harness.modules.products import product

LONG, LARGE = 4096, 1 << 21
"""Keys of a head, or entries of all, from which on codes are expanded head by head: fewer stay in the processor's cache
when they are expanded at once."""


def attend(pattern: Pattern, q: Tensor, k: Vectors, v: Vectors, view: View) -> Tensor:
    """Softmax over the visible keys, [B, T, H, C]."""
    if isinstance(k, Codes) and isinstance(v, Codes):
        if _pays_head_by_head(pattern, q, k, view):
            return _attend_codes(q, k, v, view.scale or int(q.shape[-1]) ** -0.5)
        k, v = k.expanded(), v.expanded()
    out: Tensor = computed_by(pattern)(pattern, q, k, v, view)
    return out


def _pays_head_by_head(pattern: Pattern, q: Tensor, k: Codes, view: View) -> bool:
    """Whether that is faster: for one query of each sequence that sees all of many keys, on a processor."""
    n = int(k.codes.shape[1])
    return (
        int(q.shape[1]) == 1
        and (n >= LONG or k.codes.numel() >= LARGE)
        and q.is_cpu
        and q.dtype == torch.float32
        and view.plain
        and not pattern.forgets
        and pattern.visible_pairs(n) == triangle(n)
    )


def _attend_codes(q: Tensor, k: Codes, v: Codes, scale: float) -> Tensor:
    """Softmax over all keys for one query, head by head, so that what is expanded stays in the processor's cache.

    The scale of a key is that of its score, and the scale of a value that of its weight: there are fewer of those.
    """
    groups = int(k.codes.shape[2])
    queries = (q * scale).reshape(len(q) * groups, -1, int(q.shape[-1]))  # [B x K, g, C]
    heads = []
    for each, *held in zip(queries, *map(_by_head, (k.codes, k.scales, v.codes, v.scales)), strict=True):
        keys, key_scales, values, value_scales = held  # [S, C], [S, 1], ..
        scores = product(each, keys.to(q.dtype)) * key_scales.mT
        heads.append(product(scores.softmax(-1) * value_scales.mT, values.to(q.dtype).mT))
    return torch.stack(heads).view(q.shape)


def _by_head(x: Tensor) -> Tensor:
    """[B, S, K, ..] -> [B x K, S, ..]."""
    return x.transpose(1, 2).flatten(0, 1)
