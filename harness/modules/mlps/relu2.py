"""Plain MLP with squared ReLU."""

from torch import Tensor
from torch.nn.functional import relu

from harness.choices.mlps.relu2 import SquaredReLU
from harness.modules import computes
from harness.modules.mlps import ActivatedMLP


@computes(SquaredReLU)
class SquaredReLUMLP(ActivatedMLP):
    """down(max(0, up(x))^2)."""

    def activation(self, x: Tensor) -> Tensor:
        """max(0, x)^2."""
        return relu(x).square()
