"""Pre-LN: Radford et al. 2019 (GPT-2), section 2.3; analysed by Xiong et al. 2020, https://arxiv.org/abs/2002.04745"""

from pydantic import PositiveFloat

from harness.choices.base import Source
from harness.choices.residuals import Residual, residuals


@residuals.register("pre")
class PreNorm(Residual):
    """x <- x + scale sublayer(norm(x)), and one more norm after the last block.

    `scale` weighs what a sublayer adds (Granite, https://arxiv.org/abs/2408.13359).
    """

    kind = "pre"
    source = Source("On Layer Normalization in the Transformer Architecture", "https://arxiv.org/abs/2002.04745")

    scale: PositiveFloat = 1.0

    optional = True
