"""Attention over diagonals: each query sees the keys at the same few distances, by shifted element-wise products."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import torch
from torch import Tensor

from harness.modules.kernels.rectangle import require_no_graph


class Diagonals:
    """The visible pairs of places that differ by certain distances; see `Cover` in `harness.modules.kernels.attend`.

    Args:
        distances: each once, 0 among them.
        chunk: entries of queries that are computed at once on the CPU.
    """

    def __init__(self, distances: Sequence[int], chunk: int) -> None:
        self.distances, self.chunk = list(distances), chunk

    def attend(self, q: Tensor, k: Tensor, v: Tensor, scale: float | None = None) -> Tensor:
        """Softmax over the keys at the distances: q [B, T, H, C], keys and values of the same places [B, T, K, C]."""
        batch, places, kv_heads, channels = k.shape
        grouped = q.reshape(batch, places, kv_heads, q.shape[2] // kv_heads, channels)
        k, v = k[:, :, :, None], v[:, :, :, None]  # [B, T, K, 1, C]
        scale = scale or channels**-0.5
        out: Tensor = _Attention.apply(self, grouped, k, v, scale)  # type: ignore[no-untyped-call]
        return out.flatten(2, 3)

    def chunks(self, queries: Tensor) -> Iterator[tuple[int, slice, slice]]:
        """For a chunk of queries and each distance in turn: the number of the distance, the queries and their keys."""
        n = queries.shape[1]
        rows = max(1, self.chunk * n // max(1, queries.numel())) if queries.device.type == "cpu" else n
        for start in range(0, n, rows):
            end = min(n, start + rows)
            for index, distance in enumerate(self.distances):
                first = max(start, distance)
                if first < end:
                    yield index, slice(first, end), slice(first - distance, end - distance)


class _Attention(torch.autograd.Function):
    """Weights one distance after the other, [distances, B, T, K, G]; 0 where no key is so far back."""

    @staticmethod
    def forward(ctx: Any, cover: Diagonals, q: Tensor, k: Tensor, v: Tensor, scale: float) -> Tensor:
        dtype = q.dtype
        q, k, v = _exact(q), _exact(k), _exact(v)
        weights = _dots(cover, q, k, float("-inf")).mul_(scale).softmax(0)
        out = torch.zeros_like(q)
        for distance, row, key in cover.chunks(q):
            out[:, row].addcmul_(v[:, key], weights[distance, :, row, ..., None])
        ctx.save_for_backward(q, k, v, out, weights)
        ctx.cover, ctx.scale, ctx.dtype = cover, scale, dtype
        return out.to(dtype)

    @staticmethod
    def backward(ctx: Any, grad: Tensor) -> tuple[Tensor | None, ...]:
        require_no_graph()
        q, k, v, out, weights = ctx.saved_tensors
        grad = _exact(grad)
        towards_scores = (
            _dots(ctx.cover, grad, v, 0.0).sub_(torch.linalg.vecdot(grad, out)).mul_(weights).mul_(ctx.scale)
        )
        towards_q, towards_k, towards_v = torch.zeros_like(q), torch.zeros_like(k), torch.zeros_like(v)
        for distance, row, key in ctx.cover.chunks(q):
            slope = towards_scores[distance, :, row, ..., None]
            towards_q[:, row].addcmul_(k[:, key], slope)
            _add_groups(towards_k[:, key], q[:, row], slope)
            _add_groups(towards_v[:, key], grad[:, row], weights[distance, :, row, ..., None])
        return None, towards_q.to(ctx.dtype), towards_k.to(ctx.dtype), towards_v.to(ctx.dtype), None


def _dots(cover: Diagonals, queries: Tensor, keys: Tensor, fill: float) -> Tensor:
    """Products of each query with the key at each distance, [distances, B, T, K, G]; `fill` where there is none."""
    out = torch.full((len(cover.distances), *queries.shape[:-1]), fill, dtype=queries.dtype, device=queries.device)
    for distance, row, key in cover.chunks(queries):
        torch.linalg.vecdot(queries[:, row], keys[:, key], out=out[distance, :, row])
    return out


def _add_groups(total: Tensor, x: Tensor, weights: Tensor) -> None:
    """Add what the queries of a group send to the key that they share, [B, rows, K, G, C] into [B, rows, K, 1, C]."""
    if x.shape[3] == 1:
        total.addcmul_(x, weights)
    else:
        total.add_((x * weights).sum(3, keepdim=True))


def _exact(x: Tensor) -> Tensor:
    return x.to(torch.promote_types(x.dtype, torch.float32))
