"""OLMo: LLaMA's layout with LayerNorms that have no parameters."""

from __future__ import annotations

from typing import Any

from harness.checkpoints.config import Config
from harness.checkpoints.families import Document, families, with_choices
from harness.checkpoints.families.llama import Llama


@families.register("olmo")
class OLMo(Llama, called="OLMo"):
    """The first OLMo, some of whose models clip queries, keys and values."""

    source = ("transformers, models/olmo", "https://github.com/huggingface/transformers")

    absent = ("mlp_bias",)

    def document(self, config: Config) -> Document:
        """LLaMA's, with its own norms, whose eps no config states."""
        norm = {"kind": "layernorm", "eps": 1e-5, "gain": False, "bias": False}
        return with_choices(super().document(config), norm=norm)

    def attention(self, config: Config) -> dict[str, Any]:
        """LLaMA's, clipped."""
        return {**super().attention(config), "clip": config.take("clip_qkv", default=None, of=float)}
