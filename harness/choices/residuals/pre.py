"""Pre-LN: Radford et al. 2019 (GPT-2), section 2.3; analysed by Xiong et al. 2020, https://arxiv.org/abs/2002.04745"""

from harness.choices.base import Source
from harness.choices.residuals import Residual, residuals


@residuals.register("pre")
class PreNorm(Residual):
    """x <- x + sublayer(norm(x)), and one more norm after the last block."""

    kind = "pre"
    source = Source("On Layer Normalization in the Transformer Architecture", "https://arxiv.org/abs/2002.04745")

    norms_per_block = 2
    final_norms = 1
