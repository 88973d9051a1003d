"""Gated MLP with a sigmoid, cut off."""

from torch import Tensor

from harness.choices.base import Dims
from harness.choices.mlps.clamped_swiglu import ClampedSwiGLU
from harness.modules import computes
from harness.modules.layers import Linear
from harness.modules.mlps import ActivatedMLP, MakeLinear


@computes(ClampedSwiGLU)
class ClampedSwiGLUMLP(ActivatedMLP):
    """down(g sigmoid(alpha g) (u + 1)) of what gate and up give, cut off."""

    def __init__(self, mlp: ClampedSwiGLU, dims: Dims, linear: MakeLinear = Linear) -> None:
        super().__init__(mlp, dims, linear)
        self.alpha, self.limit = mlp.alpha, mlp.limit

    def activation(self, x: Tensor) -> Tensor:
        """What is cut off at the limit, times a sigmoid."""
        cut = x.clamp(max=self.limit)
        return cut * (self.alpha * cut).sigmoid()

    def joined(self, gate: Tensor, up: Tensor) -> Tensor:
        """The gate with what it is the gate of, cut off and 1 more."""
        return self.activation(gate) * (up.clamp(-self.limit, self.limit) + 1)
