"""Root mean square normalisation, by torch's kernel."""

from torch import nn

from harness.choices.norms.rmsnorm import RMSNorm
from harness.modules import computes


@computes(RMSNorm)
def rms_norm(norm: RMSNorm, width: int) -> nn.Module:
    """An RMSNorm over vectors of `width` channels."""
    return nn.RMSNorm(width, eps=norm.eps)
