"""Root mean square normalisation, by torch's kernel."""

from torch import nn

from harness.choices.base import Dims
from harness.choices.norms.rmsnorm import RMSNorm
from harness.modules import computes


@computes(RMSNorm)
def rms_norm(norm: RMSNorm, dims: Dims) -> nn.Module:
    """An RMSNorm over the hidden size."""
    return nn.RMSNorm(dims.hidden_size, eps=norm.eps)
