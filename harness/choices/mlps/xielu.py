"""Plain MLP with an activation that is trained: Huang and Schlag 2024, https://arxiv.org/abs/2411.13010"""

from pydantic import PositiveFloat

from harness.choices.base import Dims, Source
from harness.choices.mlps import ActivatedMLP, mlps


@mlps.register("xielu")
class XIELU(ActivatedMLP):
    """down(xielu(up(x))), with xielu(x) = p x^2 + beta x above 0, and n (e^x - 1 - x) + beta x below.

    Trained are the numbers p > 0 and n > beta of each layer, as softplus(..) and beta + softplus(..). Used by Apertus.
    """

    kind = "xielu"
    source = Source(
        "Deriving Activation Functions Using Integration",
        "https://arxiv.org/abs/2411.13010",
    )

    gated = False

    beta: PositiveFloat

    def params(self, dims: Dims) -> int:
        """2 D F, the biases, and the two numbers."""
        return super().params(dims) + 2
