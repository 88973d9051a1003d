"""Post-LN: Vaswani et al. 2017, https://arxiv.org/abs/1706.03762, section 3.1"""

from harness.choices.base import Source
from harness.choices.residuals import Residual, residuals


@residuals.register("post")
class PostNorm(Residual):
    """x <- norm(x + sublayer(x)): the stream itself is normalised, so no final norm is needed."""

    kind = "post"
    source = Source("Attention Is All You Need", "https://arxiv.org/abs/1706.03762")

    final_norms = 0
