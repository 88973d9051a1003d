"""Token shift: products of what lies between a token and the one before it. Peng et al. 2023, section 3.1.1."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from harness.modules.layers import Linear


def before(x: Tensor, last: Tensor | None) -> Tensor:
    """Of each token the one before it, [B, T, D]; of the first the last of the pass before, [B, D], or zeros."""
    first = torch.zeros_like(x[:, 0]) if last is None else last
    return torch.cat((first[:, None], x[:, :-1]), 1)


class ShiftedLinear(Linear):
    """y = (share x + (1 - share) the token before) W^T, with a trained share for each channel."""

    def __init__(self, d_in: int, d_out: int, bias: bool) -> None:
        super().__init__(d_in, d_out, bias)
        self.share = nn.Parameter(torch.empty(d_in))

    def start(self, generator: torch.Generator) -> None:
        """From 0 to 1 over the channels, by the root, as the paper's code has it halfway up a model."""
        channels = len(self.share)
        self.share.copy_(torch.arange(channels, device=self.share.device).div(channels).sqrt())

    def forward(self, x: Tensor, previous: Tensor) -> Tensor:  # type: ignore[override]
        """A token and the one before it, [B, T, in] each -> [B, T, out]."""
        return super().forward(torch.addcmul(previous, x - previous, self.share))
