"""Recurrences of numbers, h_t = a_t h_{t-1} + b_t, element by element, and the selective scan, made of them.

Gu and Dao 2023, https://arxiv.org/abs/2312.00752, section 3.3.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

ELEMENTS = 1 << 22
"""Numbers of a state that are held at a time, over tokens, where nothing is trained."""


class _Scan(torch.autograd.Function):
    """All h_t, [T, ..]; its gradient is the same recurrence from the end."""

    @staticmethod
    def forward(ctx: Any, a: Tensor, b: Tensor, first: Tensor) -> Tensor:
        out = _run(a, b, first)
        ctx.save_for_backward(a, first, out)
        return out

    @staticmethod
    def backward(ctx: Any, grad: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        a, first, out = ctx.saved_tensors
        later = torch.cat((a[1:], torch.ones_like(a[:1]))).flip(0)
        of_b = _run(later, grad.flip(0), torch.zeros_like(first)).flip(0)
        before = torch.cat((first[None], out[:-1]))
        return of_b * before, of_b, of_b[0] * a[0]


def _run(a: Tensor, b: Tensor, first: Tensor) -> Tensor:
    out = torch.empty_like(b)
    held = first
    for token in range(len(b)):
        held = torch.addcmul(b[token], a[token], held, out=out[token])
    return out


def scan(a: Tensor, b: Tensor, first: Tensor) -> Tensor:
    """All h_t, [T, ..], for decays a and inputs b of that shape, and the state in front of the first, [..]."""
    if torch.is_grad_enabled():
        out: Tensor = _Scan.apply(a, b, first)  # type: ignore[no-untyped-call]
        return out
    return _run(a, b, first)


def selective(
    x: Tensor, dt: Tensor, a: Tensor, b: Tensor, c: Tensor, state: Tensor | None = None
) -> tuple[Tensor, Tensor]:
    """h_t = exp(dt_t a) h_{t-1} + dt_t x_t b_t^T, y_t = h_t c_t, for each of I channels with N numbers.

    On the meta device, where only arithmetic is counted, it is computed token by token.

    Args:
        x: [B, T, I].
        dt: [B, T, I].
        a: below 0, [I, N].
        b: [B, T, N].
        c: [B, T, N].
        state: in front of the first token, [B, I, N]; None for zeros.

    Returns:
        y, [B, T, I], of x's type, and the state behind the last token, in float32, or in float64 where x is.
    """
    kind, precise = x.dtype, torch.float64 if x.dtype == torch.float64 else torch.float32
    x, dt, a, b, c = (each.to(precise) for each in (x, dt, a, b, c))
    if state is None:
        state = x.new_zeros(x.shape[0], *a.shape)
    if x.is_meta or x.shape[1] == 1:
        out, state = reference(x, dt, a, b, c, state)
        return out.to(kind), state
    tokens, parts = int(x.shape[1]), []
    at_once = tokens if torch.is_grad_enabled() else max(1, ELEMENTS // state.numel())
    given, dt, b, c = ((dt * x).transpose(0, 1), dt.transpose(0, 1), b.transpose(0, 1), c.transpose(0, 1))
    for start in range(0, tokens, at_once):
        part = slice(start, start + at_once)
        decays = (dt[part, :, :, None] * a).exp()  # [t, B, I, N]
        held = scan(decays, given[part, :, :, None] * b[part, :, None], state)
        parts.append((held @ c[part, :, :, None])[..., 0])
        state = held[-1]
    return torch.cat(parts).transpose(0, 1).to(kind), state


def reference(x: Tensor, dt: Tensor, a: Tensor, b: Tensor, c: Tensor, state: Tensor) -> tuple[Tensor, Tensor]:
    """Token by token, as it is defined, with products where there are some."""
    outs = []
    for token in range(int(x.shape[1])):
        added = (dt[:, token] * x[:, token])[..., None] @ b[:, token, None]
        state = (dt[:, token, :, None] * a).exp() * state + added
        outs.append(state @ c[:, token, :, None])  # [B, I, 1]
    return torch.cat(outs, -1).mT, state
