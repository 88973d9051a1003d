"""Attention of one new token over all keys that a cache holds, or over those of them that its pattern shows."""

from __future__ import annotations

import torch
from torch import Tensor

from harness.choices.patterns import Pattern
from harness.modules.kernels.products import by_onednn, product
from harness.modules.kernels.scaled_dot_product import folded
from harness.modules.kernels.view import View
from harness.modules.key_values import Codes
from harness.tuning import tuning


def over_all(pattern: Pattern, q: Tensor, k: Tensor, v: Tensor, view: View) -> Tensor:
    """Softmax over all keys, [B, 1, H, C]."""
    if int(q.shape[-1]) != int(v.shape[-1]):
        return _written_out(q, k, v, view)
    many = int(k.shape[1]) >= tuning().products_from and len(q) > 0
    if many and by_onednn(q.reshape(-1, int(q.shape[-1]))[: _sharing(q, k)], k[0, :, 0]):
        return _by_products(q, k, v, view)
    return folded(q, k, v, view)


def over_seen(pattern: Pattern, q: Tensor, k: Tensor, v: Tensor, view: View) -> Tensor:
    """Softmax over the visible keys, which are gathered unless the cache holds no others, [B, 1, H, C]."""
    seen = pattern.visible(view.queries, view.keys, view.context).nonzero().flatten()
    if len(seen) < len(view.keys):
        k, v = k[:, seen], v[:, seen]  # `index_select` would first copy all that a cache holds
    return over_all(pattern, q, k, v, view)


def suits_codes(q: Tensor, k: Codes) -> bool:
    """Whether an int8 cache is so long that it is better expanded head by head than at once."""
    long = int(k.codes.shape[1]) >= tuning().codes_from or k.codes.numel() >= tuning().codes_of_all_from
    return long and q.is_cpu and q.dtype == torch.float32 and len(q) > 0


def over_codes(q: Tensor, k: Codes, v: Codes, view: View) -> Tensor:
    """Softmax over all keys, [B, 1, H, C], head by head, so that what is expanded stays in the processor's cache.

    The scale of a key is that of its score, and the scale of a value that of its weight: there are fewer of those.
    """
    held = (_heads(x) for x in (k.codes, k.scales, v.codes, v.scales))
    heads = []
    for queries, *of_head in zip(_by_key_head(q, view, k.codes), *held, strict=True):
        keys, key_scales, values, value_scales = of_head  # [S, C], [S, 1], ..
        scores = product(queries, keys.to(q.dtype)) * key_scales.mT
        heads.append(product(scores.softmax(-1) * value_scales.mT, values.to(q.dtype).mT))
    return torch.stack(heads).view(*q.shape[:3], -1)


def _by_products(q: Tensor, k: Tensor, v: Tensor, view: View) -> Tensor:
    """Softmax over all keys: all reading is that of matrices, of one key head each."""
    queries, keys, values = _by_key_head(q, view, k), _heads(k), _heads(v)
    if _sharing(q, k) < tuning().few_queries:
        scores = list((keys @ queries.mT).mT)  # with the larger factor on the left, as MKL wants it
    else:
        scores = [product(*pair) for pair in zip(queries, keys, strict=True)]
    heads = [product(each.softmax(-1), of.mT) for each, of in zip(scores, values, strict=True)]
    return torch.stack(heads).view(q.shape)


def _written_out(q: Tensor, k: Tensor, v: Tensor, view: View) -> Tensor:
    """Softmax over all keys with values of another width, for which torch's kernel would first copy all keys."""
    queries, keys, values = _by_key_head(q, view, k), _heads(k), _heads(v)
    scores = (keys @ queries.mT).mT  # with the larger factor on the left, as MKL wants it
    out = scores.softmax(-1) @ values  # [B x K, G, C of the values]
    return out.view(*q.shape[:3], int(v.shape[-1]))


def _sharing(q: Tensor, k: Tensor) -> int:
    """How many query heads share a key head."""
    return int(q.shape[2]) // int(k.shape[2])


def _by_key_head(q: Tensor, view: View, k: Tensor) -> Tensor:
    """The queries of each key head, scaled, [B x K, G, C]."""
    scaled = q * (view.scale or int(q.shape[-1]) ** -0.5)
    return scaled.reshape(len(q) * int(k.shape[2]), int(q.shape[2]) // int(k.shape[2]), int(q.shape[-1]))


def _heads(x: Tensor) -> Tensor:
    """[B, S, K, ..] -> [B x K, S, ..]."""
    return x.transpose(1, 2).flatten(0, 1)
