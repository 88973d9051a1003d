"""Plain MLP with GELU: Hendrycks and Gimpel 2016, https://arxiv.org/abs/1606.08415"""

from typing import Literal

from harness.choices.base import Source
from harness.choices.mlps import ActivatedMLP, mlps


@mlps.register("gelu")
class GELU(ActivatedMLP):
    """down(gelu(up(x))), exact or by the paper's approximation with tanh, which GPT and ChatGLM use."""

    kind = "gelu"
    source = Source("Gaussian Error Linear Units (GELUs)", "https://arxiv.org/abs/1606.08415")

    gated = False

    approximate: Literal["none", "tanh"]
