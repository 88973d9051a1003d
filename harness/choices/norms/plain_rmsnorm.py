"""Root mean square normalisation without gains: Zhang and Sennrich 2019, https://arxiv.org/abs/1910.07467"""

from harness.choices.base import Source
from harness.choices.norms import Norm, norms


@norms.register("plain_rmsnorm")
class PlainRMSNorm(Norm):
    """x / sqrt(mean(x^2) + eps), over the D channels of a token; nothing is learnt. Used by nanochat."""

    kind = "plain_rmsnorm"
    source = Source("Root Mean Square Layer Normalization", "https://arxiv.org/abs/1910.07467")

    def plain(self) -> Norm:
        """Itself."""
        return self

    def gains(self, width: int) -> int:
        """None."""
        return 0
