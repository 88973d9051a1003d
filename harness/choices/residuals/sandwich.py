"""Sandwich norms: Ding et al. 2021 (CogView), https://arxiv.org/abs/2105.13290, section 2.4"""

from pydantic import PositiveFloat

from harness.choices.base import Source
from harness.choices.residuals import Residual, residuals


@residuals.register("sandwich")
class Sandwich(Residual):
    """x <- x + scale norm'(sublayer(norm(x))): a norm in front of a sublayer and one behind it (Gemma 2, GLM-4).

    `scale` weighs what is added (HyperCLOVA X).
    """

    kind = "sandwich"
    source = Source("CogView: Mastering Text-to-Image Generation via Transformers", "https://arxiv.org/abs/2105.13290")

    scale: PositiveFloat = 1.0

    norms_per_sublayer = 2
