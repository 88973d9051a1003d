"""OLMoE: LLaMA's layout with experts, and queries and keys normalised over all heads."""

from __future__ import annotations

from typing import Any, ClassVar

from harness.checkpoints.config import Config
from harness.checkpoints.experts import expert_names, with_experts
from harness.checkpoints.families import Document, Fields, families
from harness.checkpoints.families.llama import HEAD_NORMS, NAMES, Llama
from harness.checkpoints.layout import Templates
from harness.spec.model import Spec


@families.register("olmoe")
class OLMoE(Llama, called="OLMo"):
    """OLMoE-1B-7B."""

    source = ("transformers, models/olmoe", "https://github.com/huggingface/transformers")

    defaults: ClassVar[Fields] = {"rms_norm_eps": 1e-5}
    sizes: ClassVar[Fields] = {}
    absent = ("mlp_bias",)

    def document(self, config: Config) -> Document:
        """LLaMA's, with experts."""
        document = super().document(config)
        experts = {
            "num_experts": config.take("num_experts", default=64),
            "experts_per_token": config.take("num_experts_per_tok", default=8),
            "normalised": config.take("norm_topk_prob", default=False),
        }
        width = document["choices"]["mlp"]["intermediate_size"]
        return with_experts(document, experts, width, [True] * document["dims"]["num_layers"])

    def attention(self, config: Config) -> dict[str, Any]:
        """With norms, and a limit behind them, which is refused: the harness has one in front."""
        for name in ("clip_qkv", "sliding_window"):
            config.expect(name)
        return {**super().attention(config), "qk_norm": "all"}

    def templates(self, spec: Spec) -> Templates:
        """LLaMA's, with the norms and the experts."""
        return {**NAMES, **HEAD_NORMS, **expert_names()}
