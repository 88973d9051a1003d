"""Means of the values so far by weights that fall with every token: RWKV-4's recurrence.

Peng et al. 2023, https://arxiv.org/abs/2305.13048, section 3.1.2 and appendix D: weights are powers of e as large as
keys make them, so both sums are kept divided by e to the highest exponent in them.
"""

from __future__ import annotations

import torch
from torch import Tensor

from harness.modules.kernels.scan import scan

ELEMENTS = 1 << 17
"""Keys of a batch that are computed at a time, over tokens, where nothing is trained: they stay in a cache then."""


def lowest(like: Tensor) -> float:
    """The exponent of no weight at all; not the infinity, of which a difference with itself is no number."""
    return torch.finfo(like.dtype).min


def wkv(
    keys: Tensor, values: Tensor, decay: Tensor, bonus: Tensor, state: Tensor | None = None
) -> tuple[Tensor, Tensor]:
    """y_t = (a_{t-1} + e^(u + k_t) v_t) / (b_{t-1} + e^(u + k_t)) for each of I channels.

    a_t = e^(-w) a_{t-1} + e^(k_t) v_t and b_t = e^(-w) b_{t-1} + e^(k_t). The highest exponents of all tokens are found
    first: they are no part of what is computed, only of how, and have no gradient. Divided by them, both sums are one
    recurrence of numbers. On the meta device, where only arithmetic is counted, it is computed token by token.

    Args:
        keys: k, [B, T, I].
        values: v, [B, T, I].
        decay: w, above 0, [I].
        bonus: u, [I].
        state: in front of the first token, both sums and their exponent, [B, 3, I]; None where there is no token.

    Returns:
        y, [B, T, I], of the keys' type, and the state behind the last token, in float32, or in float64 where keys are.
    """
    kind, precise = keys.dtype, torch.float64 if keys.dtype == torch.float64 else torch.float32
    keys, values, decay, bonus = (each.to(precise) for each in (keys, values, decay, bonus))
    if state is None:
        nothing = torch.zeros_like(keys[:, 0])
        state = torch.stack((nothing, nothing, torch.full_like(nothing, lowest(nothing))), 1)
    if keys.is_meta or keys.shape[1] == 1:
        out, state = reference(keys, values, decay, bonus, state)
        return out.to(kind), state
    outs, at_once = [], keys.shape[1] if torch.is_grad_enabled() else max(1, ELEMENTS // keys[:, 0].numel())
    for part in zip(torch.split(keys, at_once, 1), torch.split(values, at_once, 1), strict=True):
        out, state = _at_once(*part, decay, bonus, state)
        outs.append(out)
    return torch.cat(outs, 1).to(kind), state


def _at_once(keys: Tensor, values: Tensor, decay: Tensor, bonus: Tensor, state: Tensor) -> tuple[Tensor, Tensor]:
    """All tokens by one scan."""
    keys, values, first = keys.transpose(0, 1), values.transpose(0, 1), state.transpose(0, 1)  # [T, B, I], [3, B, I]
    highest = _highest(keys, decay, first[2])
    so_far = torch.cat((first[2:], highest[:-1]))
    added = (keys - highest).exp()
    both = torch.stack((added * values, added), 1)  # [T, 2, B, I]
    sums = scan((so_far - decay - highest).exp()[:, None].expand_as(both), both, first[:2])
    top = torch.maximum(so_far, keys + bonus).detach()
    now, earlier = (keys + bonus - top).exp(), (so_far - top).exp()
    numerator, denominator = torch.cat((first[None, :2], sums[:-1])).unbind(1)
    out = (earlier * numerator + now * values) / (earlier * denominator + now)
    return out.transpose(0, 1), torch.cat((sums[-1], highest[-1:])).transpose(0, 1)


@torch.no_grad()
def _highest(keys: Tensor, decay: Tensor, first: Tensor) -> Tensor:
    """The highest exponent behind every token, [T, B, I]."""
    out = torch.empty_like(keys)
    for token in range(len(keys)):
        first = torch.maximum(first - decay, keys[token], out=out[token])
    return out


def reference(keys: Tensor, values: Tensor, decay: Tensor, bonus: Tensor, state: Tensor) -> tuple[Tensor, Tensor]:
    """Token by token, as it is defined."""
    outs = []
    for key, value in zip(keys.unbind(1), values.unbind(1), strict=True):
        numerator, denominator = _joined(state, key + bonus, value).unbind(1)[:2]
        outs.append(numerator / denominator)
        state = _joined(torch.cat((state[:, :2], state[:, 2:] - decay), 1), key, value)
    return torch.stack(outs, 1), state


def _joined(state: Tensor, exponent: Tensor, value: Tensor) -> Tensor:
    """Both sums with one more weight, and the highest exponent then, [B, 3, I]."""
    numerator, denominator, so_far = state.unbind(1)
    highest = torch.maximum(so_far, exponent)
    kept, added = (so_far - highest).exp(), (exponent - highest).exp()
    return torch.stack((kept * numerator + added * value, kept * denominator + added, highest), 1)
