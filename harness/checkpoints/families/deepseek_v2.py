"""DeepSeek-V2: latent attention, and experts behind the first layers."""

from __future__ import annotations

from typing import Any, ClassVar

from harness.checkpoints.config import Config
from harness.checkpoints.experts import behind_the_first, expert_names, with_experts
from harness.checkpoints.families import Document, Fields, families
from harness.checkpoints.families.llama import Llama
from harness.checkpoints.latent import latent, latent_names
from harness.checkpoints.layout import Templates
from harness.choices.mixers.latent import Latent
from harness.spec.model import Spec


class LatentLlama(Llama):
    """LLaMA's layout with latent attention."""

    layout = "interleaved"

    def attention(self, config: Config) -> dict[str, Any]:
        """Latent."""
        return latent(config)

    def templates(self, spec: Spec) -> Templates:
        """LLaMA's, with the tensors of the attention, and of experts where there are some."""
        mixer = spec.choices.mixer
        assert isinstance(mixer, Latent)
        return {**latent_names(mixer.query_rank), **expert_names()}


@families.register("deepseek_v2")
class DeepSeekV2(LatentLlama, called="DeepSeek"):
    """DeepSeek-V2 and V2-Lite, DeepSeek-Coder-V2 and DeepSeek-V2.5."""

    source = ("transformers, models/deepseek_v2", "https://github.com/huggingface/transformers")

    defaults: ClassVar[Fields] = {
        "q_lora_rank": 1536,
        "kv_lora_rank": 512,
        "qk_nope_head_dim": 128,
        "qk_rope_head_dim": 64,
        "v_head_dim": 128,
        "n_routed_experts": 64,
        "n_shared_experts": 2,
        "moe_intermediate_size": 1407,
    }
    sizes: ClassVar[Fields] = {}

    def document(self, config: Config) -> Document:
        """LLaMA's, with experts whose weights are shares of all."""
        config.expect("scoring_func", "softmax")
        config.expect("norm_topk_prob", False)
        config.expect("moe_layer_freq", 1)
        config.ignore("ep_size", "seq_aux", "aux_loss_alpha")  # of training and serving
        document = super().document(config)
        width, shared = config.take("moe_intermediate_size"), config.take("n_shared_experts")
        experts = {
            "num_experts": config.take("n_routed_experts"),
            "experts_per_token": config.take("num_experts_per_tok"),
            "normalised": False,
            "scale": config.take("routed_scaling_factor", default=1.0, of=float),
            "shared_size": shared * width,
            **_groups(config),
        }
        return with_experts(document, experts, width, behind_the_first(config, document["dims"]["num_layers"]))


def _groups(config: Config) -> dict[str, Any]:
    """Groups, where a token chooses those first."""
    config.expect("topk_method", "greedy", "group_limited_greedy")
    groups, chosen = config.take("n_group", default=1), config.take("topk_group", default=1)
    if config.take("topk_method", default="greedy") == "greedy":
        return {}
    return {"groups": groups, "groups_per_token": chosen, "group_score": "best"}
