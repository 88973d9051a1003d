"""Gated MLP with SiLU: Shazeer 2020, https://arxiv.org/abs/2002.05202"""

from typing import Annotated

from pydantic import Field, PositiveFloat

from harness.choices.base import Source, one
from harness.choices.mlps import ActivatedMLP, mlps


@mlps.register("swiglu")
class SwiGLU(ActivatedMLP):
    """down(silu(gate(x)) * up(x)).

    Attributes:
        gate_scale: what gate(x) is multiplied by (Falcon-H1).
        scale: what comes out is multiplied by (Falcon-H1).
    """

    kind = "swiglu"
    source = Source("GLU Variants Improve Transformer", "https://arxiv.org/abs/2002.05202")

    gated = True

    gate_scale: Annotated[PositiveFloat, Field(exclude_if=one)] = 1.0
    scale: Annotated[PositiveFloat, Field(exclude_if=one)] = 1.0
