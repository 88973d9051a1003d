"""Sandwich norms: Ding et al. 2021 (CogView), https://arxiv.org/abs/2105.13290, section 2.4"""

from harness.choices.base import Source
from harness.choices.residuals import Residual, residuals


@residuals.register("sandwich")
class Sandwich(Residual):
    """x <- x + norm'(sublayer(norm(x))): a norm in front of a sublayer and one behind it (Gemma 2, GLM-4)."""

    kind = "sandwich"
    source = Source("CogView: Mastering Text-to-Image Generation via Transformers", "https://arxiv.org/abs/2105.13290")

    norms_per_block = 4
    final_norms = 1
