"""The gated delta rule with a decay for each channel of the keys.

S_t = S' + k_t (b_t (v_t - S'^T k_t))^T, with S' = diag(a_t) S_{t-1}, and o_t = S_t^T q_t: Kimi Team 2025,
https://arxiv.org/abs/2510.26692. A few tokens at a time are computed as matrix
products, like `delta`; but decays of channels cannot be taken out of the product of a query and a key, so how much a
pair decays is split at a token between the two. Pairs are computed by halves: those across the middle of a block of
1, 2, 4 .. tokens as one product each, with keys that decay up to the middle and queries that decay from there. So no
decay is ever divided by another, which would overflow.
"""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn.functional import pad

from harness.modules.kernels.chunks import chunk_size

CHUNK = 32
"""The most tokens whose triangular system is solved at once; as all chunks here a power of two."""
SEGMENT = 512
"""Tokens that are computed at a time, so that what is in between stays in the processor's cache."""


def channel_delta(
    q: Tensor, k: Tensor, v: Tensor, beta: Tensor, log_decay: Tensor, state: Tensor | None = None
) -> tuple[Tensor, Tensor]:
    """Outputs, and the state behind the last token.

    On the meta device, where only arithmetic is counted, it is computed token by token: the recurrence is what an
    architecture costs, and chunks are a way to compute it.

    Args:
        q: [B, T, M, N].
        k: likewise; of length 1 at most, or the rule does not settle.
        v: [B, T, M, P].
        beta: b, [B, T, M].
        log_decay: the logarithm of a, [B, T, M, N].
        state: in front of the first token, [B, M, N, P]; None for zeros.

    Returns:
        [B, T, M, P], of v's type, and [B, M, N, P], in float32, or in float64 where v is.
    """
    precise = torch.float64 if v.dtype == torch.float64 else torch.float32
    kind, (batch_size, tokens, heads, width) = v.dtype, v.shape
    q, k, v, beta, log_decay = (x.to(precise) for x in (q, k, v, beta, log_decay))
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
    return torch.cat(parts, 2).transpose(1, 2).to(kind), state


def reference(q: Tensor, k: Tensor, v: Tensor, beta: Tensor, log_decay: Tensor, state: Tensor) -> tuple[Tensor, Tensor]:
    """Token by token, as it is defined: what the chunked form must give."""
    outs = []
    for token in range(int(v.shape[1])):
        query, key, value = (x[:, token, :, None] for x in (q, k, v))  # [B, M, 1, N or P]
        state = log_decay[:, token, :, :, None].exp() * state
        correction = beta[:, token, :, None, None] * (value - key @ state)  # [B, M, 1, P]
        state = state + key.mT @ correction
        outs.append(query @ state)
    return torch.cat(outs, 2).transpose(1, 2), state


def _chunked(q: Tensor, k: Tensor, v: Tensor, beta: Tensor, log_decay: Tensor, state: Tensor) -> tuple[Tensor, Tensor]:
    """The same by chunks, of a segment; what comes out has the heads in front, [B, M, T, P]."""
    tokens = int(v.shape[1])
    wanted = chunk_size(tokens, int(k.shape[3] * v.shape[3]), CHUNK)
    size = 1 << (wanted - 1).bit_length()
    q, k, v, log_decay = (_in_chunks(x.transpose(1, 2), size) for x in (q, k, v, log_decay))  # [B, M, n, C, N or P]
    beta = _in_chunks(beta.mT[..., None], size)  # [B, M, n, C, 1]
    by_keys, by_queries, since_start, until_end = _pairs(q, k, log_decay)
    from_start = since_start.exp()
    right = torch.cat((beta * v, beta * from_start * k), -1)
    added, removed = torch.split(
        torch.linalg.solve_triangular(beta * by_keys, right, upper=False, unitriangular=True),
        [v.shape[-1], k.shape[-1]],
        -1,
    )
    reading = torch.cat((removed, from_start * q), 3)  # [B, M, n, 2 C, N]
    writing = (until_end.exp() * k).mT  # [B, M, n, N, C]
    whole = from_start[:, :, :, -1, :, None]  # [B, M, n, N, 1]
    corrections, carried = [], []
    # Cut at once: the gradient of a single cut would be as large as all of them together.
    for read, write, more, decay in zip(*(x.unbind(2) for x in (reading, writing, added, whole)), strict=True):
        held, behind = torch.split(read @ state, size, 2)
        corrections.append(more - held)
        carried.append(behind)
        state = decay * state + write @ corrections[-1]
    out = torch.stack(carried, 2) + by_queries @ torch.stack(corrections, 2)
    return out.flatten(2, 3)[:, :, :tokens], state


def _pairs(q: Tensor, k: Tensor, log_decay: Tensor) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """What keys, and queries, see of the keys before them in a chunk, and how far all decay, as logarithms.

    Args:
        q: [B, M, n, C, N].
        k: likewise.
        log_decay: likewise.

    Returns:
        k_i^T diag(a_{j+1} .. a_i) k_j for j < i, [B, M, n, C, C], and with q_i for j <= i; the logarithms of the decays
        from the start of the chunk up to a token, its own included, and from behind it to the end, [B, M, n, C, N].
    """
    size = int(k.shape[3])
    # Of blocks of one token: [2, B, M, n, blocks, 1, 1].
    seen = torch.stack((torch.zeros_like(k[..., :1]), (q * k).sum(-1, keepdim=True)))[..., None]
    rows = torch.stack((k, q))
    since, until = log_decay[..., None, :], torch.zeros_like(log_decay)[..., None, :]  # [.., blocks, tokens, N]
    for half in (1 << power for power in range(size.bit_length() - 1)):
        (since_first, since_second), (until_first, until_second) = (_halves(x) for x in (since, until))
        _, later = _halves(torch.unflatten(rows, 4, (-1, half)))
        earlier, _ = _halves(torch.unflatten(k, 3, (-1, half)))
        across = (later * since_second.exp()) @ (earlier * until_first.exp()).mT  # [2, B, M, n, blocks, half, half]
        first, second = _halves(seen)
        seen = torch.cat((pad(first, (0, half)), torch.cat((across, second), -1)), -2)
        since = torch.cat((since_first, since_second + since_first[..., -1:, :]), -2)
        until = torch.cat((until_first + since_second[..., -1:, :], until_second), -2)
    by_keys, by_queries = seen.squeeze(-3).unbind()
    return by_keys, by_queries, since.squeeze(-3), until.squeeze(-3)


def _halves(x: Tensor) -> tuple[Tensor, Tensor]:
    """[.., 2 blocks, tokens, width] as the first and the second block of every two."""
    first, second = torch.unflatten(x, -3, (-1, 2)).unbind(-3)
    return first, second


def _in_chunks(x: Tensor, size: int) -> Tensor:
    """[B, M, T, width] -> [B, M, n, size, width], with zeros behind the last token: they change no state."""
    missing = -x.shape[2] % size
    return torch.unflatten(pad(x, (0, 0, 0, missing)) if missing else x, 2, (-1, size))
