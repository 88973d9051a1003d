"""GLM-4.5: LLaMA's layout with half of each head rotated, and experts behind the first layers."""

from __future__ import annotations

from typing import Any, ClassVar

from harness.checkpoints.config import Config
from harness.checkpoints.experts import behind_the_first, corrected, expert_names, with_experts
from harness.checkpoints.families import FURTHER, Document, Fields, families, with_mtp
from harness.checkpoints.families.llama import HEAD_NORMS, NAMES, Llama
from harness.checkpoints.layout import Templates
from harness.spec.model import Spec


@families.register("glm4_moe")
class GLM4Moe(Llama, called="GLM"):
    """GLM-4.5, 4.6 and 4.7, and GLM-4.5-Air."""

    source = ("transformers, models/glm4_moe", "https://github.com/huggingface/transformers")

    defaults: ClassVar[Fields] = {
        "rms_norm_eps": 1e-5,
        "num_key_value_heads": 8,
        "first_k_dense_replace": 1,
        "moe_intermediate_size": 1408,
        "n_routed_experts": 128,
        "n_shared_experts": 1,
        "num_experts_per_tok": 8,
        "num_nextn_predict_layers": 1,
    }
    sizes: ClassVar[Fields] = {}
    fraction = 0.5
    absent = ("mlp_bias",)
    predicts_further = True

    def document(self, config: Config) -> Document:
        """LLaMA's, with experts."""
        document = with_mtp(super().document(config), config.take(*FURTHER, default=0))
        sparse = behind_the_first(config, document["dims"]["num_layers"])
        experts = corrected(config, normalised=True)
        return with_experts(document, experts, config.take("moe_intermediate_size"), sparse)

    def attention(self, config: Config) -> dict[str, Any]:
        """No bias on the projection out of the heads; each head of the queries and keys normalised, or none."""
        attention = super().attention(config)
        norm = "head" if config.take("use_qk_norm", default=False) else None
        return {**attention, "bias": "qkv" if attention["bias"] else False, "qk_norm": norm}

    def templates(self, spec: Spec) -> Templates:
        """LLaMA's, with the norms and the experts."""
        return {**NAMES, **HEAD_NORMS, **expert_names()}
