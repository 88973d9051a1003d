"""MLPs: [B, T, D] -> [B, T, D]. A choice adds its activation."""

from __future__ import annotations

from torch import Tensor, nn
from torch.nn.functional import linear

from harness.choices.base import Dims
from harness.choices.mlps import MLP
from harness.modules.layers import Linear, computed_in_parts

PART = 768
"""Inner channels that are computed at once for many tokens on a CPU: a core's cache does not hold many more."""


class ActivatedMLP(nn.Module):
    """down(activation(up(x))), or down(activation(gate(x)) * up(x)) for a gated choice."""

    def __init__(self, mlp: MLP, dims: Dims) -> None:
        super().__init__()
        self.gate = Linear(dims.hidden_size, mlp.intermediate_size, mlp.bias) if mlp.gated else None
        self.up = Linear(dims.hidden_size, mlp.intermediate_size, mlp.bias)
        self.down = Linear(mlp.intermediate_size, dims.hidden_size, mlp.bias)

    def activation(self, x: Tensor) -> Tensor:
        """Element by element, into a new tensor."""
        raise NotImplementedError

    def forward(self, x: Tensor) -> Tensor:
        """[B, T, D] -> [B, T, D]."""
        if self.up.out_features > PART and computed_in_parts(x):
            return self._in_parts(x)
        inner = self.activation(self.up(x)) if self.gate is None else self.activation(self.gate(x)) * self.up(x)
        out: Tensor = self.down(inner)
        return out

    def _in_parts(self, x: Tensor) -> Tensor:
        """The sum of what parts of the inner channels give."""
        rows = x.flatten(0, -2)
        out = rows.new_zeros(rows.shape) if self.down.bias is None else self.down.bias.repeat(len(rows), 1)
        for start in range(0, self.up.out_features, PART):
            part = slice(start, start + PART)
            if self.gate is None:
                inner = self.activation(_rows_of(self.up, part, rows))
            else:
                inner = self.activation(_rows_of(self.gate, part, rows)).mul_(_rows_of(self.up, part, rows))
            out.addmm_(inner, self.down.weight[:, part].T)
        return out.view(x.shape)


def _rows_of(layer: Linear, part: slice, x: Tensor) -> Tensor:
    """What these rows of a layer's matrix give."""
    return linear(x, layer.weight[part], None if layer.bias is None else layer.bias[part])
