"""Gated MLP with GELU: Shazeer 2020, https://arxiv.org/abs/2002.05202"""

from typing import Literal

from harness.choices.base import Source
from harness.choices.mlps import ActivatedMLP, mlps


@mlps.register("geglu")
class GeGLU(ActivatedMLP):
    """down(gelu(gate(x)) * up(x)), with the exact GELU or its tanh approximation."""

    kind = "geglu"
    source = Source("GLU Variants Improve Transformer", "https://arxiv.org/abs/2002.05202")

    gated = True

    approximate: Literal["none", "tanh"]
