"""LogSparse attention: one diagonal of pairs for each distance, by shifted element-wise products."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import torch
from torch import Tensor
from torch.autograd.function import once_differentiable

from harness.choices.patterns.log_sparse import LogSparse
from harness.modules import computes
from harness.modules.patterns import View
from harness.modules.patterns.sparse import where_it_pays

CHUNK = 2**18
"""Elements of queries at once: with the keys and products beside them they stay in the second-level cache of a core."""


@computes(LogSparse)
@where_it_pays
def attend(pattern: LogSparse, q: Tensor, k: Tensor, v: Tensor, view: View) -> Tensor:
    """Softmax over the keys at distances 0, 1, 2, 4, 8, ..., [B, T, H, C]."""
    return attend_diagonals(q, k, v, view.scale)


def attend_diagonals(q: Tensor, k: Tensor, v: Tensor, scale: float | None = None) -> Tensor:
    """Softmax over the distances: q [B, T, H, C], keys and values of the same places [B, T, K, C]."""
    batch, places, kv_heads, channels = k.shape
    grouped = q.reshape(batch, places, kv_heads, -1, channels)
    k, v = k[:, :, :, None], v[:, :, :, None]  # [B, T, K, 1, C]
    out: Tensor = _Diagonals.apply(grouped, k, v, scale or channels**-0.5)  # type: ignore[no-untyped-call]
    return out.flatten(2, 3)


class _Diagonals(torch.autograd.Function):
    """Weights one distance after the other, [distances, B, T, K, G]; 0 where no key is so far back."""

    @staticmethod
    def forward(ctx: Any, q: Tensor, k: Tensor, v: Tensor, scale: float) -> Tensor:
        dtype = q.dtype
        q, k, v = _exact(q), _exact(k), _exact(v)
        weights = _dots(q * scale, k, float("-inf")).softmax(0)
        out = torch.zeros_like(q)
        for distance, row, key in _chunks(q):
            out[:, row].addcmul_(v[:, key], weights[distance, :, row, ..., None])
        ctx.save_for_backward(q, k, v, out, weights)
        ctx.scale, ctx.dtype = scale, dtype
        return out.to(dtype)

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, grad: Tensor) -> tuple[Tensor | None, ...]:
        q, k, v, out, weights = ctx.saved_tensors
        grad = _exact(grad)
        towards_scores = _dots(grad, v, 0.0).sub_(torch.linalg.vecdot(grad, out)).mul_(weights).mul_(ctx.scale)
        towards_q, towards_k, towards_v = torch.zeros_like(q), torch.zeros_like(k), torch.zeros_like(v)
        for distance, row, key in _chunks(q):
            slope = towards_scores[distance, :, row, ..., None]
            towards_q[:, row].addcmul_(k[:, key], slope)
            _add_groups(towards_k[:, key], q[:, row], slope)
            _add_groups(towards_v[:, key], grad[:, row], weights[distance, :, row, ..., None])
        return towards_q.to(ctx.dtype), towards_k.to(ctx.dtype), towards_v.to(ctx.dtype), None


def _dots(queries: Tensor, keys: Tensor, fill: float) -> Tensor:
    """Products of each query with the key at each distance, [distances, B, T, K, G]; `fill` where there is none."""
    distances = 1 + (queries.shape[1] - 1).bit_length()
    out = torch.full((distances, *queries.shape[:-1]), fill, dtype=queries.dtype, device=queries.device)
    for distance, row, key in _chunks(queries):
        torch.linalg.vecdot(queries[:, row], keys[:, key], out=out[distance, :, row])
    return out


def _chunks(queries: Tensor) -> Iterator[tuple[int, slice, slice]]:
    """For a chunk of queries and each distance in turn: the number of the distance, the queries and their keys."""
    n = queries.shape[1]
    rows = max(1, CHUNK * n // queries.numel()) if queries.device.type == "cpu" else n
    for start in range(0, n, rows):
        end = min(n, start + rows)
        for index, distance in enumerate((0, *(1 << j for j in range((n - 1).bit_length())))):
            first = max(start, distance)
            if first < end:
                yield index, slice(first, end), slice(first - distance, end - distance)


def _add_groups(total: Tensor, x: Tensor, weights: Tensor) -> None:
    """Add what the queries of a group send to the key that they share, [B, rows, K, G, C] into [B, rows, K, 1, C]."""
    if x.shape[3] == 1:
        total.addcmul_(x, weights)
    else:
        total.add_((x * weights).sum(3, keepdim=True))


def _exact(x: Tensor) -> Tensor:
    return x.to(torch.promote_types(x.dtype, torch.float32))
