"""MLPs: [B, T, D] -> [B, T, D]. A choice adds its activation."""

from __future__ import annotations

from torch import Tensor, nn

from harness.choices.base import Dims
from harness.choices.mlps import MLP
from harness.modules.layers import Linear


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
        inner = self.activation(self.up(x)) if self.gate is None else self.activation(self.gate(x)) * self.up(x)
        out: Tensor = self.down(inner)
        return out
