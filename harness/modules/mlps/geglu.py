"""Gated MLP with GELU."""

from harness.choices.mlps.geglu import GeGLU
from harness.modules import computes
from harness.modules.mlps.gelu import GELUMLP


@computes(GeGLU)
class GeGLUMLP(GELUMLP):
    """down(gelu(gate(x)) * up(x)), exact or by tanh: the choice says that there is a gate."""
