"""Gated MLP with a sigmoid, cut off: OpenAI 2025 (gpt-oss), https://arxiv.org/abs/2508.10925"""

from pydantic import PositiveFloat

from harness.choices.base import Source
from harness.choices.mlps import ActivatedMLP, mlps


@mlps.register("clamped_swiglu")
class ClampedSwiGLU(ActivatedMLP):
    """down(g sigmoid(alpha g) (u + 1)), with g = gate(x) up to a limit, and u = up(x) between its negative and it.

    Attributes:
        alpha: what the gate is multiplied by in the sigmoid.
        limit: the most that gate and up count.
    """

    kind = "clamped_swiglu"
    source = Source("gpt-oss-120b and gpt-oss-20b Model Card", "https://arxiv.org/abs/2508.10925")

    gated = True

    alpha: PositiveFloat
    limit: PositiveFloat
