"""MLPs: [B, T, D] -> [B, T, D]. A choice adds its activation."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from harness.choices import mlps
from harness.choices.base import Dims
from harness.modules.layers import Linear


class ActivatedMLP(nn.Module):
    """down(activation(up(x))), or down(activation(gate(x)) * up(x)) for a gated choice."""

    def __init__(self, mlp: mlps.ActivatedMLP, dims: Dims) -> None:
        super().__init__()
        self.gate = Linear(dims.hidden_size, mlp.intermediate_size, mlp.bias) if mlp.gated else None
        self.up = Linear(dims.hidden_size, mlp.intermediate_size, mlp.bias)
        self.down = Linear(mlp.intermediate_size, dims.hidden_size, mlp.bias)

    def activation(self, x: Tensor) -> Tensor:
        """Element by element, into a new tensor."""
        raise NotImplementedError

    def forward(self, x: Tensor) -> Tensor:
        """[B, T, D] -> [B, T, D]."""
        if self.gate is None:
            inner = self.activation(self.up(x))
        elif torch.is_grad_enabled():
            inner = self.activation(self.gate(x)) * self.up(x)
        else:
            inner = self.activation(self.gate(x)).mul_(self.up(x))
        out: Tensor = self.down(inner)
        return out
