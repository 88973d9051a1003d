"""Gated MLP with SiLU."""

from torch import Tensor
from torch.nn.functional import silu

from harness.choices.mlps.swiglu import SwiGLU
from harness.modules import computes
from harness.modules.mlps import ActivatedMLP


@computes(SwiGLU)
class SwiGLUMLP(ActivatedMLP):
    """down(silu(gate(x)) * up(x))."""

    def activation(self, x: Tensor) -> Tensor:
        """X times the logistic function of x."""
        return silu(x)
