"""Heads: [B, T, D] and the token table [V, D] -> logits [B, T, V]."""

from __future__ import annotations

from torch import Tensor, nn

from harness.choices.base import Dims
from harness.choices.heads import Head
from harness.modules.layers import Linear


class HeadModule(nn.Module):
    """What is done in front of any head, and to its logits."""

    def __init__(self, head: Head, dims: Dims) -> None:
        super().__init__()
        self.scale, self.softcap = head.scale, head.softcap
        self.onto = Linear(dims.hidden_size, head.width, bias=False) if head.width else nn.Identity()

    def finished(self, logits: Tensor) -> Tensor:
        """Scaled and capped, where the choice says so."""
        if self.scale != 1.0:
            logits = logits * self.scale
        return logits if self.softcap is None else self.softcap * (logits / self.softcap).tanh()
