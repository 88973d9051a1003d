"""Qwen2-VL and Qwen2.5-VL without their eyes: Qwen2; in a text the three positions of a token are one."""

from __future__ import annotations

from typing import Any, ClassVar

from harness.checkpoints.config import Config
from harness.checkpoints.families import Document, Fields, families
from harness.checkpoints.families.qwen2 import Qwen2
from harness.checkpoints.rotary import flattened


@families.register("qwen2_5_vl_text")
@families.register("qwen2_vl_text")
class Qwen2VLText(Qwen2, called="Qwen"):
    """The text models of Qwen2-VL and Qwen2.5-VL."""

    source = ("transformers, models/qwen2_vl", "https://github.com/huggingface/transformers")

    defaults: ClassVar[Fields] = {
        "num_key_value_heads": 8,
        "rms_norm_eps": 1e-5,
        "rope_theta": 1e6,
        "sliding_window": 4096,
        "max_window_layers": 80,
    }
    sizes: ClassVar[Fields] = {
        "vocab_size": 152064,
        "hidden_size": 8192,
        "intermediate_size": 29568,
        "num_hidden_layers": 80,
        "num_attention_heads": 64,
        "max_position_embeddings": 32768,
    }

    def document(self, config: Config) -> Document:
        """Qwen2's."""
        return super().document(flattened(config))

    def attention(self, config: Config) -> dict[str, Any]:
        """Qwen2's, which always has biases."""
        return {**super().attention(config), "bias": "qkv"}
