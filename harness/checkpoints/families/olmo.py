"""OLMo: LLaMA's layout with LayerNorms that have no parameters."""

from __future__ import annotations

from harness.checkpoints.config import Config
from harness.checkpoints.families import Document, families, with_choices
from harness.checkpoints.families.llama import Llama


@families.register("olmo")
class OLMo(Llama, called="OLMo"):
    """The first OLMo. Models that clip queries, keys and values are refused."""

    source = ("transformers, models/olmo", "https://github.com/huggingface/transformers")

    absent = ("mlp_bias",)

    def document(self, config: Config) -> Document:
        """LLaMA's, with its own norms, whose eps no config states."""
        config.expect("clip_qkv")
        norm = {"kind": "layernorm", "eps": 1e-5, "gain": False, "bias": False}
        return with_choices(super().document(config), norm=norm)
