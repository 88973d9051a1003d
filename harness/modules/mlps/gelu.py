"""Plain MLP with GELU."""

from torch import Tensor
from torch.nn.functional import gelu

from harness.choices.base import Dims
from harness.choices.mlps.geglu import GeGLU
from harness.choices.mlps.gelu import GELU
from harness.modules import computes
from harness.modules.layers import Linear
from harness.modules.mlps import ActivatedMLP, MakeLinear


@computes(GELU)
class GELUMLP(ActivatedMLP):
    """down(gelu(up(x))), exact or by tanh."""

    def __init__(self, mlp: GELU | GeGLU, dims: Dims, linear: MakeLinear = Linear) -> None:
        super().__init__(mlp, dims, linear)
        self.approximate = mlp.approximate

    def activation(self, x: Tensor) -> Tensor:
        """X times the Gaussian distribution function of x."""
        return gelu(x, approximate=self.approximate)
