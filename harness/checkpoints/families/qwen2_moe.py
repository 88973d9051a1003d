"""Qwen2-MoE: Qwen2's layout with experts, and one that every token goes through, weighted by a gate."""

from __future__ import annotations

from typing import Any, ClassVar

from harness.checkpoints.config import Config
from harness.checkpoints.experts import every_few, expert_names, with_experts
from harness.checkpoints.families import Document, Fields, families
from harness.checkpoints.families.llama import NAMES, Llama
from harness.checkpoints.families.qwen2 import Qwen2
from harness.checkpoints.layout import Templates
from harness.spec.model import Spec


@families.register("qwen2_moe")
class Qwen2Moe(Qwen2, called="Qwen"):
    """Qwen1.5-MoE-A2.7B and Qwen2-57B-A14B."""

    source = ("transformers, models/qwen2_moe", "https://github.com/huggingface/transformers")

    defaults: ClassVar[Fields] = {"num_key_value_heads": 16}
    sizes: ClassVar[Fields] = {}

    def document(self, config: Config) -> Document:
        """Qwen2's, with experts."""
        config.expect("use_sliding_window", False)
        document = super().document(config)
        experts = {
            "num_experts": config.take("num_experts", default=60),
            "experts_per_token": config.take("num_experts_per_tok", default=4),
            "normalised": config.take("norm_topk_prob", default=False),
            "shared_size": config.take("shared_expert_intermediate_size", default=5632),
            "shared_gate": True,
        }
        width = config.take("moe_intermediate_size", default=1408)
        return with_experts(document, experts, width, every_few(config, document["dims"]["num_layers"]))

    def attention(self, config: Config) -> dict[str, Any]:
        """Biases on queries, keys and values, or none."""
        return {**Llama.attention(self, config), "bias": "qkv" if config.take("qkv_bias", default=True) else False}

    def templates(self, spec: Spec) -> Templates:
        """LLaMA's, with the experts."""
        return {**NAMES, **expert_names(shared="shared_expert")}
