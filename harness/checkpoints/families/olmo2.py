"""OLMo 2: what sublayers add is normalised, as are queries and keys."""

from __future__ import annotations

from typing import Any, ClassVar

from harness.checkpoints.config import Config
from harness.checkpoints.families import Document, Fields, families, with_choices
from harness.checkpoints.families.llama import HEAD_NORMS, NAMES, Llama
from harness.checkpoints.layout import Templates
from harness.spec.model import Spec

REORDERED = {
    **{name: own for name, own in NAMES.items() if "input_layernorm" not in name},
    "model.layers.{i}.post_attention_layernorm.weight": "layers.{i}.mixer_norm.weight",
    "model.layers.{i}.post_feedforward_layernorm.weight": "layers.{i}.mlp_norm.weight",
    **HEAD_NORMS,
}


@families.register("olmo2")
class OLMo2(Llama, called="OLMo"):
    """OLMo 2."""

    source = ("transformers, models/olmo2", "https://github.com/huggingface/transformers")

    defaults: ClassVar[Fields] = {"rms_norm_eps": 1e-5}
    absent = ("mlp_bias",)

    def document(self, config: Config) -> Document:
        """LLaMA's, with the norms behind the sublayers."""
        return with_choices(super().document(config), residual="reordered")

    def attention(self, config: Config) -> dict[str, Any]:
        """All heads of the queries, and of the keys, normalised together."""
        return {**super().attention(config), "qk_norm": "all"}

    def templates(self, spec: Spec) -> Templates:
        """No norm stands in front of a sublayer."""
        return REORDERED
