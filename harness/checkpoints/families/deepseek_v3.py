"""DeepSeek-V3: latent attention, and experts with corrected sigmoids behind the first layers."""

from __future__ import annotations

from typing import ClassVar

from harness.checkpoints.config import Config
from harness.checkpoints.experts import behind_the_first, corrected, with_experts
from harness.checkpoints.families import FURTHER, Document, Fields, families, with_mtp
from harness.checkpoints.families.deepseek_v2 import LatentLlama


@families.register("deepseek_v3")
@families.register("kimi_k2")
class DeepSeekV3(LatentLlama, called="DeepSeek"):
    """DeepSeek-V3 and R1, and Kimi K2."""

    source = ("transformers, models/deepseek_v3", "https://github.com/huggingface/transformers")

    defaults: ClassVar[Fields] = {
        "q_lora_rank": 1536,
        "kv_lora_rank": 512,
        "qk_nope_head_dim": 128,
        "qk_rope_head_dim": 64,
        "v_head_dim": 128,
        "n_routed_experts": 256,
        "n_shared_experts": 1,
        "moe_intermediate_size": 2048,
        "num_experts_per_tok": 8,
        "first_k_dense_replace": 3,
        "n_group": 8,
        "topk_group": 4,
        "routed_scaling_factor": 2.5,
        "num_nextn_predict_layers": 1,
    }
    sizes: ClassVar[Fields] = {
        "vocab_size": 129280,
        "hidden_size": 7168,
        "intermediate_size": 18432,
        "num_hidden_layers": 61,
        "num_attention_heads": 128,
        "max_position_embeddings": 4096,
    }
    absent = ("mlp_bias",)
    predicts_further = True

    def document(self, config: Config) -> Document:
        """LLaMA's, with the experts."""
        config.expect("scoring_func", "sigmoid")
        config.expect("topk_method", "noaux_tc")
        config.expect("moe_layer_freq", 1)
        config.expect("rope_interleave", True)
        config.ignore("ep_size", "seq_aux", "aux_loss_alpha")  # of training and serving
        document = with_mtp(super().document(config), config.take(*FURTHER, default=0))
        sparse = behind_the_first(config, document["dims"]["num_layers"])
        return with_experts(document, corrected(config, normalised=True), config.take("moe_intermediate_size"), sparse)
