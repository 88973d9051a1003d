"""VaultGemma: Gemma 2 with norms in front of the sublayers only."""

from __future__ import annotations

from harness.checkpoints.families import families
from harness.checkpoints.families.gemma import one_plus
from harness.checkpoints.families.gemma2 import Gemma2
from harness.checkpoints.families.llama import NAMES
from harness.checkpoints.layout import Templates
from harness.spec.model import Spec


@families.register("vaultgemma")
class VaultGemma(Gemma2, called="Gemma"):
    """VaultGemma."""

    source = ("transformers, models/vaultgemma", "https://github.com/huggingface/transformers")

    residual = "pre"

    def templates(self, spec: Spec) -> Templates:
        """LLaMA's, with Gemma's name for the norm in front of the MLP."""
        in_front = {"model.layers.{i}.pre_feedforward_layernorm.weight": "layers.{i}.mlp_norm.weight"}
        names = {name: own for name, own in NAMES.items() if own != "layers.{i}.mlp_norm.weight"}
        return one_plus({**names, **in_front})
