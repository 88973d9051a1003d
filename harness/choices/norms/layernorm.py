"""Layer normalisation: Ba et al. 2016, https://arxiv.org/abs/1607.06450"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from harness.choices.base import Dims, Source
from harness.choices.norms import Norm, norms

if TYPE_CHECKING:
    from harness.choices.axes import Choices


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

    def problems(self, dims: Dims, choices: Choices) -> Iterator[tuple[str, str]]:
        """A bias comes with a gain."""
        if self.bias and not self.gain:
            yield "bias", "found true without a gain; expected false, or gain: true"

    def plain(self) -> LayerNorm:
        """Without a gain and a bias."""
        return self.model_copy(update={"gain": False, "bias": False})

    def gains(self, width: int) -> int:
        """A gain and a bias a channel."""
        return (self.gain + self.bias) * width
