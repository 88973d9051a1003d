"""Mixtral: Mistral's layout with experts in every layer."""

from __future__ import annotations

from typing import ClassVar

from harness.checkpoints.config import Config
from harness.checkpoints.experts import expert_names, with_experts
from harness.checkpoints.families import Document, Fields, families
from harness.checkpoints.families.llama import NAMES
from harness.checkpoints.families.mistral import Mistral
from harness.checkpoints.layout import Templates
from harness.spec.model import Spec


@families.register("mixtral")
class Mixtral(Mistral, called="Mixtral"):
    """Mixtral 8x7B and 8x22B."""

    source = ("transformers, models/mixtral", "https://github.com/huggingface/transformers")

    defaults: ClassVar[Fields] = {"num_key_value_heads": 8, "rms_norm_eps": 1e-5, "rope_theta": 1e6}

    def document(self, config: Config) -> Document:
        """Mistral's, with experts whose weights are a softmax over those that are chosen."""
        document = super().document(config)
        experts = {
            "num_experts": config.take("num_local_experts", default=8),
            "experts_per_token": config.take("num_experts_per_tok", default=2),
            "normalised": True,
        }
        width = document["choices"]["mlp"]["intermediate_size"]
        return with_experts(document, experts, width, [True] * document["dims"]["num_layers"])

    def templates(self, spec: Spec) -> Templates:
        """Gate, down and up are called w1, w2 and w3."""
        return {**NAMES, **expert_names(stem="block_sparse_moe", projections=("w1", "w3", "w2"))}
