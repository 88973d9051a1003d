"""Youtu-LLM: LLaMA's layout with latent attention."""

from __future__ import annotations

from typing import ClassVar

from harness.checkpoints.config import Config
from harness.checkpoints.families import Document, Fields, families
from harness.checkpoints.families.deepseek_v2 import LatentLlama


@families.register("youtu")
class Youtu(LatentLlama, called="Youtu"):
    """Youtu-LLM 2B."""

    source = ("transformers, models/youtu", "https://github.com/huggingface/transformers")

    defaults: ClassVar[Fields] = {
        "q_lora_rank": 1536,
        "kv_lora_rank": 512,
        "qk_nope_head_dim": 128,
        "qk_rope_head_dim": 64,
        "v_head_dim": 128,
        "tie_word_embeddings": True,
    }
    sizes: ClassVar[Fields] = {}
    absent = ("mlp_bias",)

    def document(self, config: Config) -> Document:
        """LLaMA's; rotary pairs lie side by side."""
        config.expect("rope_interleave", True)
        return super().document(config)
