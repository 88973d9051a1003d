"""Ministral 3: Mistral's layout with YaRN and queries that grow with their place."""

from __future__ import annotations

from typing import Any, ClassVar

from harness.checkpoints.config import Config
from harness.checkpoints.families import Document, Fields, families
from harness.checkpoints.families.mistral import Mistral
from harness.checkpoints.rotary import parameters_of

SCALED = {
    "rope_type": "yarn",
    "rope_theta": 1000000.0,
    "factor": 16.0,
    "original_max_position_embeddings": 16384,
    "beta_fast": 32.0,
    "beta_slow": 1.0,
    "mscale": 1.0,
    "mscale_all_dim": 1.0,
    "llama_4_scaling_beta": 0.1,
}
"""What the family's code assumes where the config says nothing of positions."""


@families.register("ministral3")
class Ministral3(Mistral, called="Mistral"):
    """Ministral 3 3B, 8B and 14B."""

    source = ("transformers, models/ministral3", "https://github.com/huggingface/transformers")

    defaults: ClassVar[Fields] = {"head_dim": 128, "num_key_value_heads": 8, "rms_norm_eps": 1e-5}
    sizes: ClassVar[Fields] = {
        "vocab_size": 131072,
        "hidden_size": 4096,
        "intermediate_size": 14336,
        "num_hidden_layers": 34,
        "num_attention_heads": 32,
        "max_position_embeddings": 262144,
    }

    def document(self, config: Config) -> Document:
        """Mistral's, whose parameters of positions may state the longest sequence once more."""
        if not parameters_of(config).names:
            config = config.with_parts(rope_parameters=SCALED)
        parameters_of(config).expect("max_position_embeddings", config.take("max_position_embeddings"))
        return super().document(config)

    def attention(self, config: Config) -> dict[str, Any]:
        """LLaMA's, with what the parameters of positions say of queries."""
        parameters = parameters_of(config)
        rate = parameters.take("llama_4_scaling_beta", of=float)
        length = parameters.take("original_max_position_embeddings")
        growth = {"growth": {"rate": rate, "length": length}} if rate else {}
        return {**super().attention(config), **growth}
