"""LFM2-MoE: LFM2's layout with experts behind the first layers."""

from __future__ import annotations

from typing import ClassVar

from harness.checkpoints.config import Config
from harness.checkpoints.experts import expert_names, with_experts
from harness.checkpoints.families import Document, Fields, families
from harness.checkpoints.families.lfm2 import LFM2
from harness.checkpoints.layout import Templates
from harness.spec.model import Spec


@families.register("lfm2_moe")
class LFM2Moe(LFM2, called="LFM"):
    """LFM2-8B-A1B."""

    source = ("transformers, models/lfm2_moe", "https://github.com/huggingface/transformers")

    defaults: ClassVar[Fields] = {**LFM2.defaults, "block_auto_adjust_ff_dim": False}
    sizes: ClassVar[Fields] = {}

    def document(self, config: Config) -> Document:
        """LFM2's, with sigmoids, and a correction where the config says so."""
        document = super().document(config)
        dense = config.take("num_dense_layers", default=2)
        experts = {
            "num_experts": config.take("num_experts", default=32),
            "experts_per_token": config.take("num_experts_per_tok", default=4),
            "score": "sigmoid",
            "normalised": config.take("norm_topk_prob", default=True),
            "scale": config.take("routed_scaling_factor", default=1.0, of=float),
            "correction": config.take("use_expert_bias", default=True),
        }
        width = config.take("moe_intermediate_size", default=1792)
        return with_experts(document, experts, width, [at >= dense for at in range(document["dims"]["num_layers"])])

    def templates(self, spec: Spec) -> Templates:
        """LFM2's, with the experts in its words."""
        names = expert_names(stem="feed_forward", projections=("w1", "w3", "w2"), correction="expert_bias")
        return {**super().templates(spec), **names}
