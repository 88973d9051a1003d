"""Attention written out: what every other way must give. It computes all pairs, of any pattern, dtype and device."""

from __future__ import annotations

import torch
from torch import Tensor

from harness.choices.patterns import Pattern
from harness.modules.kernels.view import View


def attend(pattern: Pattern, q: Tensor, k: Tensor, v: Tensor, view: View) -> Tensor:
    """Softmax of the scores of the visible keys, by which the values are weighted, [B, T, H, C]."""
    q, k, v = (x.transpose(1, 2) for x in (q, k, v))  # [B, heads, T or S, C]
    shared = int(k.shape[0]), int(k.shape[1]), int(q.shape[1]) // int(k.shape[1]) * int(q.shape[2])
    # The queries that share a key head are rows of one product: no key is repeated.
    scores = q.reshape(*shared, q.shape[-1]) @ k.transpose(2, 3) * (view.scale or int(q.shape[-1]) ** -0.5)
    if view.softcap is not None:
        scores = view.softcap * (scores / view.softcap).tanh()
    scores = scores.view(*q.shape[:3], scores.shape[-1])
    seen = mask(pattern, view, scores.dtype)
    scores = scores.masked_fill(~seen, float("-inf")) if seen.dtype == torch.bool else scores + seen
    if view.sinks is None:
        weights = scores.softmax(-1)
    else:
        sinks = view.sinks.to(scores.dtype)[:, None, None].expand(*scores.shape[:3], 1)
        weights = torch.cat((scores, sinks), -1).softmax(-1)[..., :-1]
    weights = weights.reshape(*shared, scores.shape[-1])
    return (weights @ v).view(*q.shape[:3], v.shape[-1]).transpose(1, 2)


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
