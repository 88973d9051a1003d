"""Jais 2: LLaMA's layout with LayerNorm and a plain MLP."""

from __future__ import annotations

from typing import Any, ClassVar

from harness.checkpoints.config import Config
from harness.checkpoints.families import PLAIN, Document, families, with_choices
from harness.checkpoints.families.llama import NAMES, Llama
from harness.checkpoints.families.stablelm import NORM_BIASES
from harness.checkpoints.layout import Templates
from harness.spec.model import Spec


@families.register("jais2")
class Jais2(Llama, called="Jais"):
    """Squared ReLU; biases everywhere but on the head."""

    source = ("transformers, models/jais2", "https://github.com/huggingface/transformers")

    defaults: ClassVar[dict[str, Any]] = {"hidden_act": "relu2", "attention_bias": True, "mlp_bias": True}

    activations = PLAIN

    def document(self, config: Config) -> Document:
        """LLaMA's, with another norm."""
        norm = {"kind": "layernorm", "eps": config.take("layer_norm_eps", default=1e-5)}
        return with_choices(super().document(config), norm=norm)

    def templates(self, spec: Spec) -> Templates:
        """LLaMA's, with biases of the norms."""
        return {**NAMES, **NORM_BIASES}
