"""MLPs: [B, T, D] -> [B, T, D]. A choice adds its activation.

`forward(x, step)` computes one; only what looks at other tokens needs the step, and has `new_state(room)` too.
"""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor, nn

from harness.choices import mlps
from harness.choices.base import Dims
from harness.modules.layers import Linear
from harness.modules.step import LayerStep

MakeLinear = Callable[[int, int, bool], nn.Module]
"""Makes a product from widths in and out and whether it has a bias."""


class ActivatedMLP(nn.Module):
    """down(activation(up(x))), or down(activation(gate(x)) * up(x)) for a gated choice.

    Args:
        mlp: the choice.
        dims: of the model.
        linear: what makes its products; experts have one of their own.
    """

    def __init__(self, mlp: mlps.ActivatedMLP, dims: Dims, linear: MakeLinear = Linear) -> None:
        super().__init__()
        self.gate = linear(dims.hidden_size, mlp.intermediate_size, mlp.bias) if mlp.gated else None
        self.up = linear(dims.hidden_size, mlp.intermediate_size, mlp.bias)
        self.down = linear(mlp.intermediate_size, dims.hidden_size, mlp.bias)

    def activation(self, x: Tensor) -> Tensor:
        """Element by element, into a new tensor."""
        raise NotImplementedError

    def joined(self, gate: Tensor, up: Tensor) -> Tensor:
        """What comes out of a gate with what it is the gate of; both may be written over where nothing is trained."""
        activated = self.activation(gate)
        return activated * up if torch.is_grad_enabled() else activated.mul_(up)

    def finished(self, out: Tensor) -> Tensor:
        """What comes out of the last product, as it leaves."""
        return out

    def forward(self, x: Tensor, step: LayerStep | None = None) -> Tensor:
        """[B, T, D] -> [B, T, D]."""
        inner = self.activation(self.up(x)) if self.gate is None else self.joined(self.gate(x), self.up(x))
        return self.finished(self.down(inner))
