"""Linear attention whose state decays: S_t = a_t S_{t-1} + k_t v_t^T, o_t = q_t^T S_t, a number a_t a head and token.

So are Mamba-2's layers (Dao and Gu 2024, https://arxiv.org/abs/2405.21060) and lightning attention. A few tokens at a
time are computed as matrix products, the chunked form of that paper, section 6.
"""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn.functional import pad

from harness.modules.kernels.chunks import chunk_size

CHUNK = 64
"""The most tokens whose pairs are computed."""
SEGMENT = 512
"""Tokens that are computed at a time, so that what is in between stays in the processor's cache."""


def decayed(q: Tensor, k: Tensor, v: Tensor, log_decay: Tensor, state: Tensor | None = None) -> tuple[Tensor, Tensor]:
    """Outputs, and the state behind the last token.

    On the meta device, where only arithmetic is counted, it is computed token by token: the recurrence is what an
    architecture costs, and chunks are a way to compute it.

    Args:
        q: [B, T, G, N], each shared by M / G heads.
        k: likewise.
        v: [B, T, M, P].
        log_decay: the logarithm of a, [B, T, M].
        state: in front of the first token, [B, M, N, P]; None for zeros.

    Returns:
        [B, T, M, P], of v's type, and [B, M, N, P], in float32, or in float64 where v is.
    """
    precise = torch.float64 if v.dtype == torch.float64 else torch.float32
    kind, (batch_size, tokens, heads, width) = v.dtype, v.shape
    q, k, v, log_decay = (x.to(precise) for x in (q, k, v, log_decay))
    if state is None:
        state = v.new_zeros(batch_size, heads, int(k.shape[3]), width)
    if v.is_meta or tokens == 1:
        out, state = reference(q, k, v, log_decay, state)
        return out.to(kind), state
    parts = []
    for start in range(0, tokens, SEGMENT):
        segment = slice(start, min(start + SEGMENT, tokens))
        out, state = _chunked(q[:, segment], k[:, segment], v[:, segment], log_decay[:, segment], state)
        parts.append(out)
    return torch.cat(parts, 1).to(kind), state


def reference(q: Tensor, k: Tensor, v: Tensor, log_decay: Tensor, state: Tensor) -> tuple[Tensor, Tensor]:
    """Token by token, as it is defined: what the chunked form must give."""
    shared = int(v.shape[2]) // int(k.shape[2])
    outs = []
    for token in range(int(v.shape[1])):
        query, key = (x[:, token].repeat_interleave(shared, 1) for x in (q, k))  # [B, M, N]
        state = log_decay[:, token, :, None, None].exp() * state + key[..., None] @ v[:, token, :, None]
        outs.append(query[:, :, None] @ state)  # [B, M, 1, P]
    return torch.cat(outs, 2).transpose(1, 2), state


def _chunked(q: Tensor, k: Tensor, v: Tensor, log_decay: Tensor, state: Tensor) -> tuple[Tensor, Tensor]:
    """The same by chunks: pairs inside a chunk, and what a chunk hands on to the next in its state.

    Values keep the order of tokens and then heads, so that all heads that share keys are columns of one product.
    """
    tokens, groups = v.shape[1], k.shape[2]
    size = chunk_size(int(tokens), int(k.shape[3] * v.shape[3]), CHUNK)
    q, k = (_in_chunks(x, size).transpose(2, 3) for x in (q, k))  # [B, n, G, C, N]
    v = _in_chunks(v, size)  # [B, n, C, M, P]
    # A sum of many numbers less a sum of nearly as many: in float32 that would lose what is between the two.
    sums = _in_chunks(log_decay[..., None], size).double().cumsum(2)  # [B, n, C, M, 1]
    by_head = sums.squeeze(-1).transpose(2, 3)  # [B, n, M, C]
    since = (by_head[..., :, None] - by_head[..., None, :]).to(v.dtype).clamp(max=0).exp()  # [B, n, M, C, C]
    scores = (q @ k.mT).tril()[:, :, :, None]  # [B, n, G, 1, C, C]
    inside = (scores * torch.unflatten(since, 2, (groups, -1))).flatten(2, 3) @ v.transpose(2, 3)  # [B, n, M, C, P]
    weighted = v * (sums[:, :, -1:] - sums).to(v.dtype).exp()
    added = torch.unflatten(
        k.mT @ _by_group(weighted, groups), 4, (-1, v.shape[4])
    )  # [B, n, G, N, R, P], R heads a group
    whole = torch.unflatten(sums[:, :, -1].to(v.dtype).exp(), 2, (groups, 1, -1))  # [B, n, G, 1, R, 1]
    before, last = _states(torch.unflatten(state, 1, (groups, -1)).transpose(2, 3), whole, added)
    carried = (q @ before.flatten(4)).transpose(2, 3).reshape(v.shape)  # [B, n, C, M, P]
    out = inside.transpose(2, 3) + carried * sums.to(v.dtype).exp()
    return out.flatten(1, 2)[:, :tokens], last.transpose(2, 3).flatten(1, 2)


def _states(first: Tensor, whole: Tensor, added: Tensor) -> tuple[Tensor, Tensor]:
    """States in front of every chunk, [B, n, G, N, R, P], and behind the last."""
    if torch.is_grad_enabled():
        states = [first]
        # Cut at once: the gradient of a single cut would be as large as all of them together.
        for decay, more in zip(whole.unbind(1), added.unbind(1), strict=True):
            states.append(more + decay * states[-1])
        return torch.stack(states[:-1], 1), states[-1]
    count = int(added.shape[1])
    held = added.new_empty(len(added), count + 1, *added.shape[2:])
    held[:, 0] = first
    for chunk in range(count):
        torch.addcmul(added[:, chunk], whole[:, chunk], held[:, chunk], out=held[:, chunk + 1])
    return held[:, :-1], held[:, -1]


def _by_group(x: Tensor, groups: int) -> Tensor:
    """[B, n, C, M, P] -> [B, n, G, C, R P]."""
    return torch.unflatten(x.flatten(3), 3, (groups, -1)).transpose(2, 3)


def _in_chunks(x: Tensor, size: int) -> Tensor:
    """[B, T, heads, width] -> [B, n, size, heads, width], with zeros behind the last token: they change no state."""
    missing = -x.shape[1] % size
    return torch.unflatten(pad(x, (0, 0, 0, 0, 0, missing)) if missing else x, 1, (-1, size))
