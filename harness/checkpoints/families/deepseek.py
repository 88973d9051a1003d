"""DeepSeekMoE: LLaMA's layout with experts behind the first layers."""

from __future__ import annotations

from typing import ClassVar

from harness.checkpoints.config import Config
from harness.checkpoints.experts import behind_the_first, expert_names, with_experts
from harness.checkpoints.families import Document, Fields, families
from harness.checkpoints.families.llama import NAMES, Llama
from harness.checkpoints.layout import Templates
from harness.spec.model import Spec


@families.register("deepseek")
class DeepSeek(Llama, called="DeepSeek"):
    """DeepSeekMoE-16B."""

    source = ("deepseek-ai/deepseek-moe-16b-base, modeling_deepseek.py", "https://huggingface.co/deepseek-ai")

    defaults: ClassVar[Fields] = {"n_shared_experts": 0, "moe_intermediate_size": 1407}
    sizes: ClassVar[Fields] = {}
    absent = ("mlp_bias",)

    def document(self, config: Config) -> Document:
        """LLaMA's, with experts."""
        config.expect("scoring_func", "softmax")
        config.expect("moe_layer_freq", 1)
        config.ignore("seq_aux", "aux_loss_alpha")  # of training
        document = super().document(config)
        width, shared = config.take("moe_intermediate_size"), config.take("n_shared_experts")
        experts = {
            "num_experts": config.take("n_routed_experts"),
            "experts_per_token": config.take("num_experts_per_tok"),
            "normalised": config.take("norm_topk_prob", default=False),
            **({"shared_size": shared * width} if shared else {}),
        }
        return with_experts(document, experts, width, behind_the_first(config, document["dims"]["num_layers"]))

    def templates(self, spec: Spec) -> Templates:
        """LLaMA's, with the experts."""
        return {**NAMES, **expert_names()}
