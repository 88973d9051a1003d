"""MLPs: [B, T, D] -> [B, T, D]. A choice adds its activation."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from harness.choices.base import Dims
from harness.choices.mlps import MLP
from harness.modules.layers import Linear

ROWS = 256
"""Tokens whose inner activations are computed at once on a CPU: a core's cache does not hold those of many more."""


class ActivatedMLP(nn.Module):
    """down(activation(up(x))), or down(activation(gate(x)) * up(x)) for a gated choice."""

    def __init__(self, mlp: MLP, dims: Dims) -> None:
        super().__init__()
        self.gate = Linear(dims.hidden_size, mlp.intermediate_size, mlp.bias) if mlp.gated else None
        self.up = Linear(dims.hidden_size, mlp.intermediate_size, mlp.bias)
        self.down = Linear(mlp.intermediate_size, dims.hidden_size, mlp.bias)

    def activation(self, x: Tensor) -> Tensor:
        """Element by element."""
        raise NotImplementedError

    def forward(self, x: Tensor) -> Tensor:
        """[B, T, D] -> [B, T, D]."""
        if torch.is_grad_enabled() or not x.is_cpu:  # the backward pass needs all activations in any case
            return self._computed(x)
        return torch.cat([self._computed(rows) for rows in torch.split(x.flatten(0, -2), ROWS)]).view(x.shape)

    def _computed(self, x: Tensor) -> Tensor:
        inner = self.activation(self.up(x)) if self.gate is None else self.activation(self.gate(x)) * self.up(x)
        out: Tensor = self.down(inner)
        return out
