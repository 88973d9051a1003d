"""Short causal convolution, each channel for itself, over a sequence that comes in pieces."""

from __future__ import annotations

import torch
from torch import Tensor
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
    tokens, taps = int(x.shape[1]), int(weight.shape[1])
    padded = _behind(x, columns, taps - 1)
    by_tap = weight.t().contiguous()
    out = padded[:, taps - 1 :] * by_tap[-1] if bias is None else torch.addcmul(bias, padded[:, taps - 1 :], by_tap[-1])
    for tap in range(taps - 1):
        shifted = padded[:, tap : tap + tokens]
        out = (
            torch.addcmul(out, shifted, by_tap[tap]) if torch.is_grad_enabled() else out.addcmul_(shifted, by_tap[tap])
        )
    return out


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
