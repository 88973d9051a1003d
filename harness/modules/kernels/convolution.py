"""Short causal convolution, each channel for itself, over a sequence that comes in pieces."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn.functional import conv1d, pad


def reference(x: Tensor, weight: Tensor, bias: Tensor | None, columns: Tensor | None = None) -> Tensor:
    """Torch's own; see `convolution`."""
    taps = int(weight.shape[1])
    before = (
        x.new_zeros(len(x), x.shape[2], taps - 1) if columns is None else columns[:, :, columns.shape[2] - taps + 1 :]
    )
    padded = torch.cat((before, x.transpose(1, 2)), dim=2)
    return conv1d(padded, weight[:, None], bias, groups=len(weight)).transpose(1, 2)


def convolution(x: Tensor, weight: Tensor, bias: Tensor | None = None, columns: Tensor | None = None) -> Tensor:
    """y_t = sum_j weight_j x_{t - taps + 1 + j} (+ bias), with zeros before the first token.

    Torch's kernel for this takes several times as long on a CPU as a sum of shifted products; the counters see it.

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
    if columns is None:
        padded = pad(x, (0, 0, taps - 1, 0))
    else:
        padded = torch.cat((columns[:, :, columns.shape[2] - taps + 1 :].transpose(1, 2), x), dim=1)
    by_tap = weight.t().contiguous()
    out = padded[:, taps - 1 :] * by_tap[-1] if bias is None else torch.addcmul(bias, padded[:, taps - 1 :], by_tap[-1])
    for tap in range(taps - 1):
        shifted = padded[:, tap : tap + tokens]
        out = (
            torch.addcmul(out, shifted, by_tap[tap]) if torch.is_grad_enabled() else out.addcmul_(shifted, by_tap[tap])
        )
    return out


def kept(x: Tensor, columns: Tensor | None, count: int) -> Tensor:
    """The last `count` inputs, those before included and zeros in front of the first, [B, C, count].

    Args:
        x: the new inputs, [B, T, C].
        columns: what was kept before, [B, C, count]; None for none.
        count: how many.
    """
    new = x[:, -count:].transpose(1, 2)
    if columns is None:
        return pad(new, (count - new.shape[2], 0))
    return torch.cat((columns, new), dim=2)[:, :, -count:].contiguous()
