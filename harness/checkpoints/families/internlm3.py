"""InternLM3: LLaMA's layout, with other words for the biases."""

from __future__ import annotations

from typing import ClassVar

from harness.checkpoints.config import Config
from harness.checkpoints.families import Document, Fields, families
from harness.checkpoints.families.llama import Llama


@families.register("internlm3")
class InternLM3(Llama, called="InternLM"):
    """InternLM3 8B."""

    source = ("transformers, models/internlm3", "https://github.com/huggingface/transformers")

    defaults: ClassVar[Fields] = {"head_dim": 128, "num_key_value_heads": 2, "rms_norm_eps": 1e-5}

    def document(self, config: Config) -> Document:
        """LLaMA's."""
        attention_bias = config.take("attention_bias", "qkv_bias", default=False)
        mlp_bias = config.take("mlp_bias", "bias", default=False)
        if attention_bias != mlp_bias:
            config.refuse("qkv_bias", attention_bias)
        return super().document(config.with_fields(attention_bias=attention_bias, mlp_bias=mlp_bias))
