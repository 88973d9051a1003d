"""Hunyuan 3: LLaMA's layout with normalised queries and keys, and experts behind the first layer."""

from __future__ import annotations

from typing import Any, ClassVar

from harness.checkpoints.config import Config
from harness.checkpoints.experts import by_kinds, corrected, expert_names, with_experts
from harness.checkpoints.families import FURTHER, Document, Fields, families, with_mtp
from harness.checkpoints.families.llama import HEAD_NORMS, NAMES, Llama
from harness.checkpoints.layout import Templates
from harness.spec.model import Spec


@families.register("hy_v3")
class HunyuanV3(Llama, called="Hunyuan"):
    """Hunyuan 3."""

    source = ("transformers, models/hy_v3", "https://github.com/huggingface/transformers")

    defaults: ClassVar[Fields] = {
        "head_dim": 128,
        "num_key_value_heads": 8,
        "rms_norm_eps": 1e-5,
        "rope_theta": 11_158_840.0,
        "moe_intermediate_size": 1536,
        "num_experts": 192,
        "num_shared_experts": 1,
        "num_experts_per_tok": 8,
        "router_scaling_factor": 2.826,
    }
    sizes: ClassVar[Fields] = {}
    predicts_further = True

    def document(self, config: Config) -> Document:
        """LLaMA's, with experts."""
        config.ignore("enable_moe_fp32_combine")  # of the numbers' format
        document = with_mtp(super().document(config), config.take(*FURTHER, default=0))
        sparse = by_kinds(config, document["dims"]["num_layers"])
        experts = corrected(config, normalised=True)
        return with_experts(document, experts, config.take("moe_intermediate_size"), sparse)

    def attention(self, config: Config) -> dict[str, Any]:
        """Each head of the queries and keys normalised."""
        return {**super().attention(config), "qk_norm": "head"}

    def templates(self, spec: Spec) -> Templates:
        """LLaMA's, with the norms, and the experts in the release's words."""
        names = expert_names(router="router.gate", shared="shared_mlp", correction="expert_bias")
        return {**NAMES, **HEAD_NORMS, **names}
