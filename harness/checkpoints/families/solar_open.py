"""Solar Open: LLaMA's layout with GLM-4.5's experts in every layer."""

from __future__ import annotations

from typing import Any, ClassVar

from harness.checkpoints.config import Config
from harness.checkpoints.experts import corrected, expert_names, with_experts
from harness.checkpoints.families import Document, Fields, families
from harness.checkpoints.families.llama import NAMES, Llama
from harness.checkpoints.layout import Templates
from harness.spec.model import Spec


@families.register("solar_open")
class SolarOpen(Llama, called="Solar"):
    """Solar-Open-100B."""

    source = ("transformers, models/solar_open", "https://github.com/huggingface/transformers")

    defaults: ClassVar[Fields] = {
        "head_dim": 128,
        "num_key_value_heads": 8,
        "rms_norm_eps": 1e-5,
        "rope_theta": 1e6,
        "moe_intermediate_size": 1280,
        "n_routed_experts": 128,
        "n_shared_experts": 1,
        "num_experts_per_tok": 8,
        "intermediate_size": 1,  # there is no MLP but those of the experts
    }
    sizes: ClassVar[Fields] = {}
    fraction = 1.0
    absent = ("mlp_bias",)

    def document(self, config: Config) -> Document:
        """LLaMA's, with experts."""
        document = super().document(config)
        sparse = [True] * document["dims"]["num_layers"]
        return with_experts(document, corrected(config, normalised=True), config.take("moe_intermediate_size"), sparse)

    def attention(self, config: Config) -> dict[str, Any]:
        """No bias on the projection out of the heads."""
        attention = super().attention(config)
        return {**attention, "bias": "qkv" if attention["bias"] else False}

    def templates(self, spec: Spec) -> Templates:
        """LLaMA's, with the experts."""
        return {**NAMES, **expert_names()}
