"""Orion: LLaMA's layout with LayerNorm."""

from __future__ import annotations

from harness.checkpoints.config import Config
from harness.checkpoints.families import Document, families, with_choices
from harness.checkpoints.families.llama import NAMES, Llama
from harness.checkpoints.families.stablelm import NORM_BIASES
from harness.checkpoints.layout import Templates
from harness.spec.model import Spec


@families.register("orion")
class Orion(Llama, called="Orion"):
    """Orion 14B."""

    source = ("OrionStarAI/Orion-14B-Base, modeling_orion.py", "https://huggingface.co/OrionStarAI/Orion-14B-Base")

    absent = ("mlp_bias",)

    def document(self, config: Config) -> Document:
        """LLaMA's; the epsilon of LayerNorm is called that of RMSNorm."""
        norm = {"kind": "layernorm", "eps": config.take("rms_norm_eps", default=1e-5)}
        return with_choices(super().document(config), norm=norm)

    def templates(self, spec: Spec) -> Templates:
        """LLaMA's, with biases of the norms."""
        return {**NAMES, **NORM_BIASES}
