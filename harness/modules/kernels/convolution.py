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
    out: Tensor = _Taps.apply(_behind(x, columns, int(weight.shape[1]) - 1), weight.t().contiguous())  # type: ignore[no-untyped-call]
    return out if bias is None else out + bias


class _Taps(torch.autograd.Function):
    """The convolution of padded inputs, [B, T + taps - 1, C], by taps, [taps, C].

    Autograd would make a gradient as large as the inputs for every tap, and copy and add them all.
    """

    @staticmethod
    def forward(padded: Tensor, taps: Tensor) -> Tensor:
        """[B, T, C]."""
        last = int(taps.shape[0]) - 1
        tokens = int(padded.shape[1]) - last
        out = padded[:, last:] * taps[last]
        for tap in range(last):
            out.addcmul_(padded[:, tap : tap + tokens], taps[tap])
        return out

    @staticmethod
    def setup_context(ctx: FunctionCtx, inputs: tuple[Tensor, Tensor], output: Tensor) -> None:
        """Both are needed again."""
        ctx.save_for_backward(*inputs)

    @staticmethod
    def backward(ctx: Any, grad: Tensor) -> tuple[Tensor, Tensor]:
        """Of the padded inputs and of the taps; it can be differentiated in turn."""
        padded, taps = ctx.saved_tensors
        tokens, of_padded, of_taps = int(grad.shape[1]), torch.zeros_like(padded), []
        for number, tap in enumerate(taps.unbind()):
            window = slice(number, number + tokens)
            of_padded[:, window].addcmul_(grad, tap)
            of_taps.append((grad * padded[:, window]).sum((0, 1)))
        return of_padded, torch.stack(of_taps)


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
