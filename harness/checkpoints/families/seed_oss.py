"""Seed-OSS: LLaMA's layout with the bias of the projection out of the heads as a field of its own."""

from __future__ import annotations

from typing import Any, ClassVar

from harness.checkpoints.config import Config
from harness.checkpoints.families import Fields, families
from harness.checkpoints.families.llama import Llama


@families.register("seed_oss")
class SeedOSS(Llama, called="Seed-OSS"):
    """Seed-OSS 36B."""

    source = ("transformers, models/seed_oss", "https://github.com/huggingface/transformers")

    defaults: ClassVar[Fields] = {"head_dim": 128, "num_key_value_heads": 8, "attention_bias": True}

    def attention(self, config: Config) -> dict[str, Any]:
        """Biases on all projections, on none, or on those into the heads."""
        attention = super().attention(config)
        out = config.take("attention_out_bias", default=False)
        if out and not attention["bias"]:
            config.refuse("attention_out_bias", out)
        return {**attention, "bias": attention["bias"] and (out or "qkv")}
