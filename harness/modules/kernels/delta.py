"""The gated delta rule: S_t = a_t S_{t-1} + k_t (b_t (v_t - a_t S_{t-1}^T k_t))^T, o_t = q_t^T S_t.

What a key stands for already is taken off before what it is to stand for is added: Yang et al. 2024,
https://arxiv.org/abs/2412.06464. A few tokens at a time are computed as matrix products, the chunked form of its
section 3.3: in a chunk each token corrects what those before it added, which is a triangular system.
"""

from __future__ import annotations

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
        log_decay: the logarithm of a, [B, T, M].
        state: in front of the first token, [B, M, N, P]; None for zeros.

    Returns:
        [B, T, M, P], of v's type, and [B, M, N, P], in float32, or in float64 where v is.
    """
    precise = torch.float64 if v.dtype == torch.float64 else torch.float32
    kind, (batch_size, tokens, heads, width) = v.dtype, v.shape
    q, k, v, beta, log_decay = (x.to(precise) for x in (q, k, v, beta, log_decay))
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
    return torch.cat(parts, 2).transpose(1, 2).to(kind), state


def reference(q: Tensor, k: Tensor, v: Tensor, beta: Tensor, log_decay: Tensor, state: Tensor) -> tuple[Tensor, Tensor]:
    """Token by token, as it is defined, with a query and a key for every head: what the chunked form must give."""
    outs = []
    for token in range(int(v.shape[1])):
        query, key, value = (x[:, token, :, None] for x in (q, k, v))  # [B, M, 1, N or P]
        state = log_decay[:, token, :, None, None].exp() * state
        correction = beta[:, token, :, None, None] * (value - key @ state)  # [B, M, 1, P]
        state = state + key.mT @ correction
        outs.append(query @ state)
    return torch.cat(outs, 2).transpose(1, 2), state


def _chunked(q: Tensor, k: Tensor, v: Tensor, beta: Tensor, log_decay: Tensor, state: Tensor) -> tuple[Tensor, Tensor]:
    """The same by chunks, of a segment; what comes out has the heads in front, [B, M, T, P]."""
    tokens = int(v.shape[1])
    size = chunk_size(tokens, int(k.shape[3] * v.shape[3]), CHUNK)
    q, k, v = (_in_chunks(x.transpose(1, 2), size) for x in (q, k, v))  # [B, M, n, C, N or P]
    beta, log_decay = (_in_chunks(x.mT[..., None], size) for x in (beta, log_decay))  # [B, M, n, C, 1]
    # A sum of many numbers less a sum of nearly as many: in float32 that would lose what is between the two.
    sums = log_decay.double().cumsum(3)
    since = (sums - sums.mT).to(v.dtype).clamp(max=0).exp().tril()  # [B, M, n, C, C]
    from_start = sums.to(v.dtype).exp()
    system = (beta * since) * (k @ k.mT)  # its diagonal is taken for 1
    right = torch.cat((beta * v, beta * from_start * k), -1)
    added, removed = torch.split(
        torch.linalg.solve_triangular(system, right, upper=False, unitriangular=True), [v.shape[-1], k.shape[-1]], -1
    )
    reading = torch.cat((removed, from_start * q), 3)  # [B, M, n, 2 C, N]
    writing = ((sums[:, :, :, -1:] - sums).to(v.dtype).exp() * k).mT  # [B, M, n, N, C]
    whole = sums[:, :, :, -1:].to(v.dtype).exp()  # [B, M, n, 1, 1]
    corrections, carried = [], []
    # Cut at once: the gradient of a single cut would be as large as all of them together.
    for read, write, more, decay in zip(*(x.unbind(2) for x in (reading, writing, added, whole)), strict=True):
        held, behind = torch.split(read @ state, size, 2)
        corrections.append(more - held)
        carried.append(behind)
        state = decay * state + write @ corrections[-1]
    out = torch.stack(carried, 2) + (since * (q @ k.mT)) @ torch.stack(corrections, 2)
    return out.flatten(2, 3)[:, :, :tokens], state


def _in_chunks(x: Tensor, size: int) -> Tensor:
    """[B, M, T, width] -> [B, M, n, size, width], with zeros behind the last token: they change no state."""
    missing = -x.shape[2] % size
    return torch.unflatten(pad(x, (0, 0, 0, missing)) if missing else x, 2, (-1, size))
