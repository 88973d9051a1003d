"""DeepNorm: Wang et al. 2022 (DeepNet), https://arxiv.org/abs/2203.00555"""

from typing import Annotated, ClassVar, Literal

from pydantic import Field, PositiveFloat

from harness.choices.base import Dims, Source, one
from harness.choices.residuals import Residual, residuals


@residuals.register("deepnorm")
class DeepNorm(Residual):
    """x <- norm(alpha x + scale sublayer(x)): post-LN with an up-weighted stream.

    `alpha` is a number or a rule of the depth L: `(2L)^(1/4)` is DeepNet's for decoders (table 1), `(2L)^(1/2)`
    that of GLM-130B (https://arxiv.org/abs/2210.02414, section 2.1) and of ChatGLM-6B's released code. `scale` weighs
    what a sublayer adds (MiniMax-01).
    """

    kind = "deepnorm"
    source = Source("DeepNet: Scaling Transformers to 1,000 Layers", "https://arxiv.org/abs/2203.00555")

    alpha: PositiveFloat | Literal["(2L)^(1/4)", "(2L)^(1/2)"]
    scale: Annotated[PositiveFloat, Field(exclude_if=one)] = 1.0

    RULES: ClassVar = {"(2L)^(1/4)": 0.25, "(2L)^(1/2)": 0.5}

    final_norms = 0

    def alpha_at(self, dims: Dims) -> float:
        """The factor of the residual stream in a model of this depth."""
        if isinstance(self.alpha, str):
            return float((2 * dims.num_layers) ** self.RULES[self.alpha])
        return self.alpha

    def settled(self, dims: Dims) -> "DeepNorm":
        """The rule of the depth, where a number is what it gives."""
        rules = (rule for rule, exponent in self.RULES.items() if self.alpha == (2 * dims.num_layers) ** exponent)
        return self.model_copy(update={"alpha": next(rules, self.alpha)})
