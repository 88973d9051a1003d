"""Root mean square normalisation without gains, by torch's kernel."""

from torch import nn

from harness.choices.norms.plain_rmsnorm import PlainRMSNorm
from harness.modules import computes


@computes(PlainRMSNorm)
def plain_rms_norm(norm: PlainRMSNorm, width: int) -> nn.Module:
    """An RMSNorm over vectors of `width` channels, without parameters."""
    return nn.RMSNorm(width, eps=norm.eps, elementwise_affine=False)
