"""Qwen3-MoE: Qwen3's layout with experts."""

from __future__ import annotations

from typing import ClassVar

from harness.checkpoints.config import Config
from harness.checkpoints.experts import every_few, expert_names, with_experts
from harness.checkpoints.families import Document, Fields, families
from harness.checkpoints.families.llama import HEAD_NORMS, NAMES
from harness.checkpoints.families.qwen3 import Qwen3
from harness.checkpoints.layout import Templates
from harness.spec.model import Spec


@families.register("qwen3_moe")
class Qwen3Moe(Qwen3, called="Qwen"):
    """Qwen3-30B-A3B, Qwen3-235B-A22B and Qwen3-Coder."""

    source = ("transformers, models/qwen3_moe", "https://github.com/huggingface/transformers")

    defaults: ClassVar[Fields] = {"num_key_value_heads": 4}
    sizes: ClassVar[Fields] = {
        "vocab_size": 151936,
        "hidden_size": 2048,
        "intermediate_size": 6144,
        "num_hidden_layers": 24,
        "num_attention_heads": 32,
        "max_position_embeddings": 32768,
    }

    num_experts: ClassVar[int] = 128
    """How many experts there are where the config does not say."""

    def document(self, config: Config) -> Document:
        """Qwen3's, with experts."""
        document = super().document(config)
        experts = {
            "num_experts": config.take("num_experts", "num_local_experts", default=self.num_experts),
            "experts_per_token": config.take("num_experts_per_tok", default=8),
            "normalised": config.take("norm_topk_prob", default=False),
        }
        width = config.take("moe_intermediate_size", default=768)
        return with_experts(document, experts, width, every_few(config, document["dims"]["num_layers"]))

    def templates(self, spec: Spec) -> Templates:
        """Qwen3's, with the experts."""
        return {**NAMES, **HEAD_NORMS, **expert_names()}
