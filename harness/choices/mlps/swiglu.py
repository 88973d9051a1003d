"""Gated MLP with SiLU: Shazeer 2020, https://arxiv.org/abs/2002.05202"""

from harness.choices.base import Source
from harness.choices.mlps import ActivatedMLP, mlps


@mlps.register("swiglu")
class SwiGLU(ActivatedMLP):
    """down(silu(gate(x)) * up(x))."""

    kind = "swiglu"
    source = Source("GLU Variants Improve Transformer", "https://arxiv.org/abs/2002.05202")

    gated = True
