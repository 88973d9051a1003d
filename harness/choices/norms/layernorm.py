"""Layer normalisation: Ba et al. 2016, https://arxiv.org/abs/1607.06450"""

from harness.choices.base import Source
from harness.choices.norms import Norm, norms


@norms.register("layernorm")
class LayerNorm(Norm):
    """(x - mean) / sqrt(variance + eps) * gain + bias, over the channels of a token.

    Attributes:
        gain: whether the result is multiplied by a trained gain a channel (OLMo has none).
        bias: whether a trained bias is added (MPT and Cohere have none).
    """

    kind = "layernorm"
    source = Source("Layer Normalization", "https://arxiv.org/abs/1607.06450")

    gain: bool = True
    bias: bool = True

    def gains(self, width: int) -> int:
        """A gain and a bias a channel."""
        return (self.gain + self.bias) * width
