"""Plain MLP with squared ReLU: So et al. 2021, https://arxiv.org/abs/2109.08668"""

from harness.choices.base import Source
from harness.choices.mlps import ActivatedMLP, mlps


@mlps.register("relu2")
class SquaredReLU(ActivatedMLP):
    """down(max(0, up(x))^2)."""

    kind = "relu2"
    source = Source(
        "Primer: Searching for Efficient Transformers for Language Modeling", "https://arxiv.org/abs/2109.08668"
    )

    gated = False
