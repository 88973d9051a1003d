"""Block with norms on both sides of its sublayers."""

from torch import Tensor

from harness.choices.residuals.sandwich import Sandwich
from harness.modules import computes
from harness.modules.residuals import Block
from harness.modules.step import LayerStep


@computes(Sandwich)
class SandwichBlock(Block):
    """x + norm'(sublayer(norm(x))), twice."""

    norm_names = ("attention_norm", "attention_out_norm", "mlp_norm", "mlp_out_norm")

    def forward(self, x: Tensor, step: LayerStep) -> Tensor:
        """[B, T, D] -> [B, T, D]."""
        x = x + self.attention_out_norm(self.attention(self.attention_norm(x), step))
        out: Tensor = x + self.mlp_out_norm(self.mlp(self.mlp_norm(x)))
        return out
