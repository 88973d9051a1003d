"""Layer normalisation, by torch's kernel."""

from torch import nn

from harness.choices.norms.layernorm import LayerNorm
from harness.modules import computes


@computes(LayerNorm)
def layer_norm(norm: LayerNorm, width: int) -> nn.Module:
    """A LayerNorm over vectors of `width` channels."""
    return nn.LayerNorm(width, eps=norm.eps, elementwise_affine=norm.gain, bias=norm.bias)
