"""Tied head with a bias: Keskar et al. 2019 (CTRL), https://arxiv.org/abs/1909.05858"""

from harness.choices.base import Dims, Source
from harness.choices.heads import heads
from harness.choices.heads.tied import Tied


@heads.register("tied_bias")
class TiedBias(Tied):
    """Multiplies by the embedding table, and adds a trained bias to each token's logit."""

    kind = "tied_bias"
    source = Source(
        "CTRL: A Conditional Transformer Language Model for Controllable Generation",
        "https://arxiv.org/abs/1909.05858",
    )

    def params(self, dims: Dims) -> int:
        """V: the bias."""
        return super().params(dims) + dims.vocab_size
