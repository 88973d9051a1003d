"""Layer normalisation, by torch's kernel."""

from torch import nn

from harness.choices.base import Dims
from harness.choices.norms.layernorm import LayerNorm
from harness.modules import computes


@computes(LayerNorm)
def layer_norm(norm: LayerNorm, dims: Dims) -> nn.Module:
    """A LayerNorm over the hidden size."""
    return nn.LayerNorm(dims.hidden_size, eps=norm.eps)
