"""Root mean square normalisation: Zhang and Sennrich 2019, https://arxiv.org/abs/1910.07467"""

from harness.choices.base import Source
from harness.choices.norms import Norm, norms
from harness.choices.norms.plain_rmsnorm import PlainRMSNorm


@norms.register("rmsnorm")
class RMSNorm(Norm):
    """x / sqrt(mean(x^2) + eps) * gain, over the D channels of a token: no mean is taken off and no bias added."""

    kind = "rmsnorm"
    source = Source("Root Mean Square Layer Normalization", "https://arxiv.org/abs/1910.07467")

    def plain(self) -> Norm:
        """Without gains."""
        return PlainRMSNorm(eps=self.eps)

    def gains(self, width: int) -> int:
        """A gain a channel."""
        return width
