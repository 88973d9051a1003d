"""The gated delta rule: S_t = a_t S_{t-1} + k_t (b_t (v_t - a_t S_{t-1}^T k_t))^T, o_t = q_t^T S_t.

What a key stands for already is taken off before what it is to stand for is added: Yang et al. 2024,
https://arxiv.org/abs/2412.06464. A few tokens at a time are computed as matrix products, the chunked form of its
section 3.3: in a chunk each token corrects what those before it added, which is a triangular system. a_t may be a
number for each channel of a key, diag(a_t) S_{t-1}: Kimi Team 2025, https://arxiv.org/abs/2510.26692.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn.functional import pad

from harness.modules.kernels.chunks import chunk_size

CHUNK = 32
"""The most tokens whose triangular system is solved at once."""
SEGMENT = 512
"""Tokens that are computed at a time, so that what is in between stays in the processor's cache."""


def delta(
    q: Tensor, k: Tensor, v: Tensor, beta: Tensor, log_decay: Tensor, state: Tensor | None = None
) -> tuple[Tensor, Tensor]:
    """Outputs, and the state behind the last token.

    On the meta device, where only arithmetic is counted, it is computed token by token: the recurrence is what an
    architecture costs, and chunks are a way to compute it.

    Args:
        q: [B, T, A, N], each shared by M / A heads.
        k: likewise; of length 1 at most, or the rule does not settle.
        v: [B, T, M, P].
        beta: b, [B, T, M].
        log_decay: the logarithm of a, [B, T, M], or of one for each channel of a key, [B, T, M, N].
        state: in front of the first token, [B, M, N, P]; None for zeros.

    Returns:
        [B, T, M, P], of v's type, and [B, M, N, P], in float32, or in float64 where v is.
    """
    precise = torch.float64 if v.dtype == torch.float64 else torch.float32
    kind, (batch_size, tokens, heads, width) = v.dtype, v.shape
    q, k, v, beta, log_decay = (x.to(precise) for x in (q, k, v, beta, log_decay))
    if int(k.shape[2]) < int(heads):
        q, k = (x.repeat_interleave(int(heads) // int(x.shape[2]), 2) for x in (q, k))
    if state is None:
        state = v.new_zeros(batch_size, heads, int(k.shape[3]), width)
    if v.is_meta or tokens == 1:
        out, state = reference(q, k, v, beta, log_decay, state)
        return out.to(kind), state
    parts = []
    for start in range(0, tokens, SEGMENT):
        queries, keys, values, betas, decays = (x[:, start : start + SEGMENT] for x in (q, k, v, beta, log_decay))
        out, state = _chunked(queries, keys, values, betas, decays, state)
        parts.append(out)
    return torch.cat(parts, 1).to(kind), state


def reference(q: Tensor, k: Tensor, v: Tensor, beta: Tensor, log_decay: Tensor, state: Tensor) -> tuple[Tensor, Tensor]:
    """Token by token, as it is defined, with a query and a key for every head: what the chunked form must give."""
    outs, decay = [], log_decay.exp().reshape(*beta.shape, -1, 1)  # [B, T, M, 1 or N, 1]
    for token in range(int(v.shape[1])):
        query, key, value = (x[:, token, :, None] for x in (q, k, v))  # [B, M, 1, N or P]
        state = decay[:, token] * state
        correction = beta[:, token, :, None, None] * (value - key @ state)  # [B, M, 1, P]
        state = state + key.mT @ correction
        outs.append(query @ state)
    return torch.cat(outs, 2).transpose(1, 2), state


def _chunked(q: Tensor, k: Tensor, v: Tensor, beta: Tensor, log_decay: Tensor, state: Tensor) -> tuple[Tensor, Tensor]:
    """The same by chunks, of a segment."""
    (batch_size, tokens, heads), by_channels = beta.shape, log_decay.dim() == 4
    size = chunk_size(tokens, int(k.shape[3] * v.shape[3]), CHUNK)
    if by_channels:  # which are joined two by two
        size = 1 << (size - 1).bit_length()
    q, k, v, beta, log_decay = (_in_chunks(x.reshape(*beta.shape, -1), size) for x in (q, k, v, beta, log_decay))
    inside = (_by_channels if by_channels else _by_numbers)(q, k, log_decay)
    overlaps = beta * inside.overlaps
    # Solved for the unit matrix and multiplied: solved for the right sides themselves it takes four times as long.
    unit = torch.eye(size, dtype=v.dtype, device=v.device).expand_as(overlaps)
    inverse = torch.linalg.solve_triangular(overlaps, unit, upper=False, unitriangular=True)
    state = state.flatten(0, 1)
    corrections, carried = [], []
    # Cut at once: the gradient of a single cut would be as large as all of them together.
    by_chunk = (
        inverse @ (beta * v),
        inverse @ (beta * inside.for_keys),
        inside.for_queries,
        inside.for_state.mT,
        inside.whole,
    )
    for added, removed, reading, writing, decay in zip(*(x.unbind() for x in by_chunk), strict=True):
        corrections.append(torch.baddbmm(added, removed, state, alpha=-1))
        carried.append(torch.bmm(reading, state))
        state = torch.baddbmm(decay * state, writing, corrections[-1])
    out = torch.stack(carried) + inside.scores @ torch.stack(corrections)
    out = torch.unflatten(out, 1, (batch_size, heads)).permute(1, 0, 3, 2, 4).flatten(1, 2)
    return out[:, :tokens], torch.unflatten(state, 0, (batch_size, heads))


@dataclass(frozen=True)
class _Decayed:
    """What chunks of C tokens do, with decay over the tokens between, [n, B M, ..].

    Attributes:
        scores: of each query and the keys up to its own, [.., C, C]; 0 for later ones.
        overlaps: of each key and the keys before, [.., C, C]; what stands on the diagonal or above is not read.
        for_queries: queries that read what the state was in front of the chunk, [.., C, N].
        for_keys: keys that do, likewise.
        for_state: keys as they count behind the chunk, [.., C, N].
        whole: what is left of the state, [.., N or 1, 1].
    """

    scores: Tensor
    overlaps: Tensor
    for_queries: Tensor
    for_keys: Tensor
    for_state: Tensor
    whole: Tensor


def _by_numbers(q: Tensor, k: Tensor, log_decay: Tensor) -> _Decayed:
    """With a number a token, [n, B M, C, 1], which products of queries and keys are multiplied by."""
    # A sum of many numbers less a sum of nearly as many: in float32 that would lose what is between the two.
    sums = log_decay.double().cumsum(2)
    size = int(q.shape[2])
    later = q.new_full((size, size), -torch.inf).triu(1)
    since = ((sums - sums.mT).to(q.dtype) + later).exp()  # [n, B M, C, C]
    from_start = sums.to(q.dtype).exp()
    to_end = (sums[:, :, -1:] - sums).to(q.dtype).exp()
    whole = from_start[:, :, -1:]
    return _Decayed(since * (q @ k.mT), since * (k @ k.mT), from_start * q, from_start * k, to_end * k, whole)


def _by_channels(q: Tensor, k: Tensor, log_decay: Tensor) -> _Decayed:
    """With a number a channel, [n, B M, C, N].

    Decay from one token to another is no factor of their product then. Blocks of tokens are joined two by two, from
    single tokens on: what a query of the second reads of a key of the first has decayed to the end of the first and
    on from there. So there are only products of decays, which may vanish, and nothing is ever divided by one.
    """
    both = torch.stack((q, k), 3)[..., None, :]  # [n, B M, blocks, 2, tokens of a block, N], as are all of these
    writing, whole = k[..., None, None, :], log_decay.exp()[..., None, None, :]
    inner = (both * writing).sum(-1, keepdim=True)
    reading = both * whole
    while (half := int(reading.shape[-2])) < q.shape[2]:
        (first, second), (early, late), (left, right), (above, below) = (
            torch.unflatten(x, 2, (-1, 2)).unbind(3) for x in (reading, writing, whole, inner)
        )
        across = torch.unflatten(second.flatten(3, 4) @ early.flatten(3, 4).mT, 3, (2, half))
        inner = torch.cat((pad(above, (0, half)), torch.cat((across, below), -1)), -2)
        reading, writing = torch.cat((first, second * left), -2), torch.cat((early * right, late), -2)
        whole = left * right
    (scores, overlaps), (for_queries, for_keys) = (x[:, :, 0].unbind(2) for x in (inner, reading))
    return _Decayed(scores, overlaps, for_queries, for_keys, writing[:, :, 0, 0], whole[:, :, 0, 0].mT)


def _in_chunks(x: Tensor, size: int) -> Tensor:
    """[B, T, M, width] -> [n, B M, size, width], with zeros behind the last token: they change no state."""
    missing = -x.shape[1] % size
    x = torch.unflatten(pad(x, (0, 0, 0, 0, 0, missing)) if missing else x, 1, (-1, size))
    return x.permute(1, 0, 3, 2, 4).flatten(1, 2).contiguous()
