"""Layer normalisation: Ba et al. 2016, https://arxiv.org/abs/1607.06450"""

from harness.choices.base import Dims, Source
from harness.choices.norms import Norm, norms


@norms.register("layernorm")
class LayerNorm(Norm):
    """(x - mean) / sqrt(variance + eps) * gain + bias, over the D channels of a token."""

    kind = "layernorm"
    source = Source("Layer Normalization", "https://arxiv.org/abs/1607.06450")

    def params(self, dims: Dims) -> int:
        """A gain and a bias a channel: 2 D."""
        return 2 * dims.hidden_size
