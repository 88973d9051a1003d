"""GLM-4.7-Flash: DeepSeek-V3's layout with lists of which layers have experts."""

from __future__ import annotations

from typing import ClassVar

from harness.checkpoints.config import Config
from harness.checkpoints.experts import by_kinds, corrected, with_experts
from harness.checkpoints.families import FURTHER, Document, Fields, families, with_mtp
from harness.checkpoints.families.deepseek_v2 import LatentLlama


@families.register("glm4_moe_lite")
class GLM4MoeLite(LatentLlama, called="GLM"):
    """GLM-4.7-Flash. Layers that predict further tokens are left aside."""

    source = ("transformers, models/glm4_moe_lite", "https://github.com/huggingface/transformers")

    defaults: ClassVar[Fields] = {
        "q_lora_rank": 768,
        "kv_lora_rank": 512,
        "qk_nope_head_dim": 192,
        "qk_rope_head_dim": 64,
        "v_head_dim": 256,
        "n_routed_experts": 64,
        "n_shared_experts": 1,
        "moe_intermediate_size": 1536,
        "num_experts_per_tok": 4,
        "routed_scaling_factor": 1.8,
        "rms_norm_eps": 1e-5,
    }
    sizes: ClassVar[Fields] = {}
    absent = ("mlp_bias",)
    predicts_further = True

    def document(self, config: Config) -> Document:
        """LLaMA's, with the experts."""
        config.expect("rope_interleave", True)
        config.ignore("first_k_dense_replace", "topk_method", "scoring_func")  # not read: the list and sigmoids are
        document = with_mtp(super().document(config), config.take(*FURTHER, default=0))
        count = document["dims"]["num_layers"]
        experts = corrected(config, normalised=True)
        return with_experts(document, experts, config.take("moe_intermediate_size"), by_kinds(config, count))
