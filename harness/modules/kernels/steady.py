"""Linear attention whose state decays at a rate that each head has for all tokens: S_t = exp(-s) S_{t-1} + k_t v_t^T.

It is `decayed` with the same a at every token, so that what is left after so many tokens is computed once for all
chunks, and with keys for every head: Qin et al. 2024, https://arxiv.org/abs/2401.04658, algorithm 1.
"""

from __future__ import annotations

import torch
from torch import Tensor

from harness.modules.kernels.decayed import reference

CHUNK = 64
"""Tokens whose pairs are computed, for all heads at a time."""


def steady(q: Tensor, k: Tensor, v: Tensor, slopes: Tensor, state: Tensor | None = None) -> tuple[Tensor, Tensor]:
    """Outputs q_t^T S_t, and the state behind the last token.

    On the meta device, where only arithmetic is counted, it is computed token by token, as `decayed` is.

    Args:
        q: [B, T, H, N].
        k: likewise.
        v: [B, T, H, P].
        slopes: s, [H], in float64.
        state: in front of the first token, [B, H, N, P]; None for zeros.

    Returns:
        [B, T, H, P], of v's type, and [B, H, N, P], in float32, or in float64 where v is.
    """
    precise = torch.float64 if v.dtype == torch.float64 else torch.float32
    kind, (batch_size, tokens, heads, width) = v.dtype, v.shape
    q, k, v = (x.to(precise) for x in (q, k, v))
    if state is None:
        state = v.new_zeros(batch_size, heads, int(k.shape[3]), width)
    if v.is_meta or tokens == 1:
        out, state = reference(q, k, v, -slopes.to(precise).expand(batch_size, tokens, heads), state)
        return out.to(kind), state
    size = min(CHUNK, tokens)
    places, slopes = torch.arange(size, device=v.device), slopes[:, None, None]
    inside = (-slopes * (places[:, None] - places).clamp(min=0)).exp().tril().to(precise)  # [H, C, C]
    before, after = ((-slopes * number[:, None]).exp().to(precise) for number in (places + 1, size - 1 - places))
    outs = []
    for start in range(0, tokens, size):
        query, key, value = (x[:, start : start + size].transpose(1, 2) for x in (q, k, v))  # [B, H, C, ..]
        count = int(value.shape[2])  # of the last chunk perhaps fewer
        pairs = (query @ key.mT * inside[:, :count, :count]) @ value
        outs.append(torch.addcmul(pairs, query @ state, before[:, :count]).transpose(1, 2))
        added = (key * after[:, size - count :]).mT @ value
        state = torch.addcmul(added, state, before[:, count - 1 : count])
    return torch.cat(outs, 1).to(kind), state
