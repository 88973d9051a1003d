"""Helium: LLaMA's layout with interleaved rotary pairs."""

from __future__ import annotations

from typing import Any, ClassVar

from harness.checkpoints.config import Config
from harness.checkpoints.families import Fields, families
from harness.checkpoints.families.llama import Llama


@families.register("helium")
class Helium(Llama, called="Helium"):
    """Helium 1."""

    source = ("transformers, models/helium", "https://github.com/huggingface/transformers")

    defaults: ClassVar[Fields] = {
        "head_dim": 128,
        "num_key_value_heads": 20,
        "rms_norm_eps": 1e-8,
        "rope_theta": 100000.0,
    }
    layout = "interleaved"

    def attention(self, config: Config) -> dict[str, Any]:
        """No bias on the projection out of the heads."""
        attention = super().attention(config)
        return {**attention, "bias": "qkv" if attention["bias"] else False}
