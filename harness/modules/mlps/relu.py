"""Plain MLP with ReLU."""

from torch import Tensor
from torch.nn.functional import relu

from harness.choices.mlps.relu import ReLU
from harness.modules import computes
from harness.modules.mlps import ActivatedMLP


@computes(ReLU)
class ReLUMLP(ActivatedMLP):
    """down(max(0, up(x)))."""

    def activation(self, x: Tensor) -> Tensor:
        """max(0, x)."""
        return relu(x)
