"""MiniMax-M2: LLaMA's layout with experts, and queries and keys normalised over all heads."""

from __future__ import annotations

from typing import Any, ClassVar

from harness.checkpoints.config import Config
from harness.checkpoints.experts import expert_names, with_experts
from harness.checkpoints.families import Document, Fields, families, with_mtp
from harness.checkpoints.families.llama import HEAD_NORMS, NAMES, Llama
from harness.checkpoints.layout import Templates
from harness.checkpoints.rotary import by_channels
from harness.spec.model import Spec


@families.register("minimax_m2")
class MiniMaxM2(Llama, called="MiniMax"):
    """MiniMax-M2 and M2.5."""

    source = ("transformers, models/minimax_m2", "https://github.com/huggingface/transformers")

    defaults: ClassVar[Fields] = {"head_dim": 128, "num_key_value_heads": 8, "rope_theta": 5e6}
    sizes: ClassVar[Fields] = {}
    fraction = 1.0
    absent = ("attention_bias", "mlp_bias")
    predicts_further = True

    def document(self, config: Config) -> Document:
        """LLaMA's, with sigmoids and a correction. Of a head some channels rotate, whose number may be given."""
        config.expect("mtp_transformer_layers", 1)
        further = config.take("num_mtp_modules", default=0) if config.take("use_mtp", default=False) else 0
        config.expect("scoring_func", "sigmoid")
        config.expect("use_routing_bias", True)
        config.expect("use_qk_norm", True)
        config.expect("qk_norm_type", "per_layer")
        config.expect("attn_type_list", [1] * config.take("num_hidden_layers"))
        document = with_mtp(super().document(by_channels(config)), further)
        experts = {
            "num_experts": config.take("num_local_experts", "num_experts", default=256),
            "experts_per_token": config.take("num_experts_per_tok", default=8),
            "score": "sigmoid",
            "normalised": True,
            "correction": True,
        }
        width = document["choices"]["mlp"]["intermediate_size"]
        return with_experts(document, experts, width, [True] * document["dims"]["num_layers"])

    def attention(self, config: Config) -> dict[str, Any]:
        """All heads of the queries, and of the keys, normalised together."""
        return {**super().attention(config), "qk_norm": "all"}

    def templates(self, spec: Spec) -> Templates:
        """Mixtral's, with the norms."""
        names = expert_names(
            stem="block_sparse_moe", projections=("w1", "w3", "w2"), correction="e_score_correction_bias"
        )
        return {**NAMES, **HEAD_NORMS, **names}
