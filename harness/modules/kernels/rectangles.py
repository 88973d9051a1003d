"""Attention over a union of disjoint rectangles of pairs: exact, differentiable, and none of the pairs between them.

The queries of a rectangle, and its keys, lie evenly spaced in the sequence, so they are strided views and nothing is
gathered. Each rectangle goes through a kernel that also returns the log-sum-exp of its scores, by which two outputs for
the same query merge into the one over the keys of both (Milakov and Gimelshein 2018, https://arxiv.org/abs/1805.02867;
Dao et al. 2022, https://arxiv.org/abs/2205.14135). Backwards, the weights of a rectangle follow from its scores and the
log-sum-exp over all of them, so that the gradients of the rectangles add up.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from typing import Any

import torch
from torch import Tensor, arange

from harness.modules.kernels.rectangle import Scores, kernel_for, require_no_graph
from harness.tuning import Tuning


@dataclass(frozen=True)
class Grid:
    """The places first + i batch_step + j step + r, for i below `batch`, j below `count` and r below `run`.

    With a `batch_step` of 0 every i has the same places. With one below `step` the batches interleave, and with one
    above it that is short of `count` x `step` they overlap.
    """

    first: int
    count: int
    step: int = 1
    run: int = 1
    batch: int = 1
    batch_step: int = 0

    def of(self, x: Tensor) -> Tensor:
        """What stands there, a view wherever the places are evenly spaced: [n, heads, C] -> [batch, heads, rows, C]."""
        return self._view(x).flatten(2, 3)

    def add(self, x: Tensor, addend: Tensor) -> None:
        """Add [batch, heads, rows, C] to what stands there."""
        addend = addend.reshape(*addend.shape[:2], self.count, self.run, -1)
        if self.batch == 1 or self.batch_step == 0:
            self._view(x)[:1].add_(addend.sum(0, keepdim=True))
            return
        most = self.count if self.batch_step < self.step else self.batch_step // self.step  # that share no place
        for start in range(0, self.count, most):
            part = replace(self, first=self.first + start * self.step, count=min(most, self.count - start))
            part._view(x).add_(addend[:, :, start : start + most])

    def places(self) -> Tensor:
        """All of them, [batch x count x run], as often as they come."""
        batches, steps = arange(self.batch) * self.batch_step, arange(self.count) * self.step
        return (self.first + batches[:, None, None] + steps[:, None] + arange(self.run)).flatten()

    def _view(self, x: Tensor) -> Tensor:
        """[n, heads, C] -> [batch, heads, count, run, C]."""
        place, head, channel = x.stride()
        return x.as_strided(
            (self.batch, x.shape[1], self.count, self.run, x.shape[2]),
            (self.batch_step * place, head, self.step * place, place, channel),
            x.storage_offset() + self.first * place,
        )


@dataclass(frozen=True)
class Piece:
    """A rectangle of pairs, or as many as the grids have batches.

    Attributes:
        queries: places of the queries.
        keys: places of the keys, of as many batches.
        causal: whether row i of the queries sees the rows 0 to i of the keys, and not all.
        visible: which keys each row of the queries sees, [query rows, key rows] of bool, at least one; None for all.
    """

    queries: Grid
    keys: Grid
    causal: bool = False
    visible: Tensor | None = None

    def scores(self, like: Tensor, scale: float) -> Scores:
        """For a kernel, of the dtype and on the device of a tensor."""
        if self.visible is None:
            return Scores(scale, self.causal)
        hidden = ~self.visible.to(like.device)
        mask = torch.zeros(hidden.shape, dtype=like.dtype, device=like.device).masked_fill_(hidden, float("-inf"))
        return Scores(scale, self.causal, mask[None, None])


def triangle(queries: Grid, keys: Grid, row: Tuning) -> list[Piece]:
    """Row i of the queries sees the rows 0 to i of the keys; nothing if the grids hold no place."""
    rows = queries.count if queries.batch else 0
    if rows > row.triangle_strips_up_to:
        return [Piece(queries, keys, causal=True)]
    pieces = []
    for start in range(0, rows, row.triangle_strip):
        end = min(start + row.triangle_strip, rows)
        strip = replace(queries, first=queries.first + start * queries.step, count=end - start)
        pieces.append(Piece(strip, replace(keys, count=end), visible=arange(end) <= arange(start, end)[:, None]))
    return pieces


class Rectangles:
    """The visible pairs of n places as disjoint pieces; see `Cover` in `harness.modules.kernels.attend`.

    Args:
        n: places.
        pieces: together they show every pair once that is visible. Those that come first show every query something.

    Raises:
        ValueError: a piece shows some queries of its own for the first time, and others again.
    """

    def __init__(self, n: int, pieces: Iterable[Piece]) -> None:
        self.pieces = list(pieces)
        self.first = []
        """Of each piece, whether it is the first for all its queries: then there is nothing to merge it with."""
        shown = torch.zeros(n, dtype=torch.bool)
        for piece in self.pieces:
            places = piece.queries.places()
            before = shown[places]
            if before.any() and not before.all():
                raise ValueError(f"{piece.queries} holds queries that a piece before shows something, and others")
            self.first.append(not bool(before.any()))
            shown[places] = True
        if not shown.all():
            raise ValueError(f"some of {n} queries see nothing")

    def attend(self, q: Tensor, k: Tensor, v: Tensor, scale: float | None = None) -> Tensor:
        """Softmax over the visible keys, [B, T, H, C]."""
        out: Tensor = _Union.apply(self, q, k, v, scale or q.shape[-1] ** -0.5)  # type: ignore[no-untyped-call]
        return out


class _Union(torch.autograd.Function):
    """The pieces one by one, for each sequence, and for the queries that no two share a key head with."""

    @staticmethod
    def forward(ctx: Any, cover: Rectangles, q: Tensor, k: Tensor, v: Tensor, scale: float) -> Tensor:
        q, k, v = _dense_channels(q), _dense_channels(k), _dense_channels(v)
        kernel = kernel_for(q.device)
        out = torch.empty(q.shape, dtype=q.dtype, device=q.device)
        exact = torch.promote_types(q.dtype, torch.float32)
        lse = torch.empty((*q.shape[:-1], 1), dtype=exact, device=q.device)
        for piece, first in zip(cover.pieces, cover.first, strict=True):
            scores = piece.scores(q, scale)
            for q_, out_, lse_, k_, v_ in _slices((q, out, lse), (k, v)):
                part, part_lse = kernel.forward(piece.queries.of(q_), piece.keys.of(k_), piece.keys.of(v_), scores)
                take = _begin if first else _merge
                take(piece.queries.of(out_), piece.queries.of(lse_), part, part_lse[..., None])
        ctx.save_for_backward(q, k, v, out, lse)
        ctx.cover, ctx.scale = cover, scale
        return out

    @staticmethod
    def backward(ctx: Any, grad: Tensor) -> tuple[Tensor | None, ...]:
        require_no_graph()
        q, k, v, out, lse = ctx.saved_tensors
        kernel, grad = kernel_for(q.device), grad.contiguous()
        exact = torch.promote_types(q.dtype, torch.float32)
        towards_q = torch.empty(q.shape, dtype=exact, device=q.device)
        towards_k, towards_v = (torch.zeros(x.shape, dtype=exact, device=x.device) for x in (k, v))
        for piece, first in zip(ctx.cover.pieces, ctx.cover.first, strict=True):
            scores = piece.scores(q, ctx.scale)
            queries, keys = piece.queries, piece.keys
            for q_, grad_, out_, lse_, to_q, k_, v_, to_k, to_v in _slices(
                (q, grad, out, lse, towards_q), (k, v, towards_k, towards_v)
            ):
                part = kernel.backward(
                    *(queries.of(grad_), queries.of(q_), keys.of(k_), keys.of(v_)),
                    *(queries.of(out_), queries.of(lse_).squeeze(-1), scores),
                )
                if first:
                    queries.of(to_q).copy_(part.q)
                else:
                    queries.add(to_q, part.q)
                keys.add(to_k, part.k)
                keys.add(to_v, part.v)
        return None, towards_q.to(q.dtype), towards_k.to(k.dtype), towards_v.to(v.dtype), None


def _slices(of_queries: tuple[Tensor, ...], of_keys: tuple[Tensor, ...]) -> Iterator[tuple[Tensor, ...]]:
    """For each sequence, and each place in a group of queries that share a key head: the slices, [n, K, C] each."""
    groups = of_queries[0].shape[2] // of_keys[0].shape[2]
    for sequence in range(len(of_queries[0])):
        for group in range(groups):
            yield *(x[sequence, :, group::groups] for x in of_queries), *(x[sequence] for x in of_keys)


def _begin(out: Tensor, lse: Tensor, part: Tensor, part_lse: Tensor) -> None:
    """Take the keys of the first piece of these queries."""
    out.copy_(part)
    lse.copy_(part_lse)


def _merge(out: Tensor, lse: Tensor, part: Tensor, part_lse: Tensor) -> None:
    """Take the keys of another piece into outputs and their log-sum-exp, in place."""
    out.lerp_(part, (part_lse - lse).sigmoid_().to(out.dtype))
    torch.logaddexp(lse, part_lse, out=lse)


def _dense_channels(x: Tensor) -> Tensor:
    return x if x.stride(-1) == 1 else x.contiguous()
