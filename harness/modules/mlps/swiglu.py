"""Gated MLP with SiLU."""

from torch import Tensor
from torch.nn.functional import silu

from harness.choices.base import Dims
from harness.choices.mlps.swiglu import SwiGLU
from harness.modules import computes
from harness.modules.layers import Linear
from harness.modules.mlps import ActivatedMLP, MakeLinear


@computes(SwiGLU)
class SwiGLUMLP(ActivatedMLP):
    """down(silu(gate(x)) * up(x)), with a factor on the gate and one on the whole."""

    def __init__(self, mlp: SwiGLU, dims: Dims, linear: MakeLinear = Linear) -> None:
        super().__init__(mlp, dims, linear)
        self.gate_scale, self.scale = mlp.gate_scale, mlp.scale

    def activation(self, x: Tensor) -> Tensor:
        """X times the logistic function of x, where x has its factor."""
        return silu(x if self.gate_scale == 1.0 else x * self.gate_scale)

    def finished(self, out: Tensor) -> Tensor:
        """Times the factor."""
        return out if self.scale == 1.0 else out * self.scale
