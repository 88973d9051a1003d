"""Plain MLP with ReLU: Vaswani et al. 2017, https://arxiv.org/abs/1706.03762, section 3.3"""

from harness.choices.base import Source
from harness.choices.mlps import ActivatedMLP, mlps


@mlps.register("relu")
class ReLU(ActivatedMLP):
    """down(max(0, up(x)))."""

    kind = "relu"
    source = Source("Attention Is All You Need", "https://arxiv.org/abs/1706.03762")

    gated = False
