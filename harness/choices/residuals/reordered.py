"""Reordered norms: OLMo 2, https://arxiv.org/abs/2501.00656, section 3.3"""

from harness.choices.base import Source
from harness.choices.residuals import Residual, residuals


@residuals.register("reordered")
class Reordered(Residual):
    """x <- x + norm(sublayer(x)): only what a sublayer adds is normalised."""

    kind = "reordered"
    source = Source("2 OLMo 2 Furious", "https://arxiv.org/abs/2501.00656")
