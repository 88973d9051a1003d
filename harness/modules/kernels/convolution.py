"""Short causal convolution, each channel for itself, over a sequence that comes in pieces."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor
from torch.autograd.function import FunctionCtx
from torch.nn.functional import pad


def reference(x: Tensor, weight: Tensor, bias: Tensor | None, columns: Tensor | None = None) -> Tensor:
    """Every window of inputs times the taps, as matrix products, which counters know; see `convolution`."""
    tokens, taps = int(x.shape[1]), int(weight.shape[1])
    padded = _behind(x, columns, taps - 1)
    windows = torch.stack([padded[:, tap : tap + tokens] for tap in range(taps)], -1)  # [B, T, C, taps]
    out = (windows[..., None, :] @ weight[..., None])[..., 0, 0]
    return out if bias is None else out + bias


def convolution(x: Tensor, weight: Tensor, bias: Tensor | None = None, columns: Tensor | None = None) -> Tensor:
    """y_t = sum_j weight_j x_{t - taps + 1 + j} (+ bias), with zeros before the first token.

    A sum of shifted products takes a fraction of the time of torch's kernel for this on a CPU.

    Args:
        x: [B, T, C].
        weight: [C, taps].
        bias: [C].
        columns: the inputs before, [B, C, taps - 1] or more; None for none.

    Returns:
        [B, T, C].
    """
    if x.device.type == "meta":
        return reference(x, weight, bias, columns)
    before = 0 if columns is None else int(weight.shape[1]) - 1
    given = _behind(x, columns, before) if before else x
    out: Tensor = _Taps.apply(given, weight.t().contiguous())  # type: ignore[no-untyped-call]
    out = out[:, before:] if before else out
    return out if bias is None else out + bias


class _Taps(torch.autograd.Function):
    """The convolution of inputs, [B, T, C], with zeros before them, by taps, [taps, C].

    Autograd would make a gradient as large as the inputs for every tap, and copy and add them all.
    """

    @staticmethod
    def forward(x: Tensor, taps: Tensor) -> Tensor:
        """[B, T, C]."""
        out = x * taps[-1]
        for back, tap in _earlier(taps, x):
            out[:, back:].addcmul_(x[:, :-back], tap)
        return out

    @staticmethod
    def setup_context(ctx: FunctionCtx, inputs: tuple[Tensor, Tensor], output: Tensor) -> None:
        """Both are needed again."""
        ctx.save_for_backward(*inputs)

    @staticmethod
    def backward(ctx: Any, grad: Tensor) -> tuple[Tensor, Tensor]:
        """Of the inputs and of the taps; it can be differentiated in turn."""
        x, taps = ctx.saved_tensors
        of_x, of_taps = grad * taps[-1], [(grad * x).sum((0, 1))]
        for back, tap in _earlier(taps, x):
            of_x[:, :-back].addcmul_(grad[:, back:], tap)
            of_taps.append((grad[:, back:] * x[:, :-back]).sum((0, 1)))
        of_taps += [torch.zeros_like(of_taps[0])] * (int(taps.shape[0]) - len(of_taps))
        return of_x, torch.stack(of_taps[::-1])


def _earlier(taps: Tensor, x: Tensor) -> list[tuple[int, Tensor]]:
    """How many tokens back, and by what that token is multiplied, of every tap but the last that meets one of x."""
    return list(enumerate(taps.flip(0).unbind()))[1 : int(x.shape[1])]


def _behind(x: Tensor, columns: Tensor | None, count: int) -> Tensor:
    """The new inputs behind the last `count` of those before, or zeros, [B, count + T, C]."""
    if columns is None:
        return pad(x, (0, 0, count, 0))
    return torch.cat((columns[:, :, int(columns.shape[2]) - count :].transpose(1, 2), x), dim=1)


def kept(x: Tensor, columns: Tensor | None, count: int) -> Tensor:
    """The last `count` inputs, those before included and zeros in front of the first, [B, C, count].

    Args:
        x: the new inputs, [B, T, C].
        columns: what was kept before, [B, C, count]; None for none.
        count: how many.
    """
    new = x[:, -count:].transpose(1, 2)
    if columns is None:
        return pad(new, (count - int(new.shape[2]), 0))
    return torch.cat((columns, new), dim=2)[:, :, -count:].contiguous()
