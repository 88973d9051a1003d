"""Qwen3-VL without its eyes: Qwen3; in a text the three positions of a token are one."""

from __future__ import annotations

from typing import ClassVar

from harness.checkpoints.config import Config
from harness.checkpoints.families import Document, Fields, families
from harness.checkpoints.families.qwen3 import Qwen3
from harness.checkpoints.rotary import flattened


@families.register("qwen3_vl_text")
class Qwen3VLText(Qwen3, called="Qwen"):
    """The text models of the dense models of Qwen3-VL."""

    source = ("transformers, models/qwen3_vl", "https://github.com/huggingface/transformers")

    defaults: ClassVar[Fields] = {"head_dim": 128, "num_key_value_heads": 32, "rope_theta": 500000.0}
    sizes: ClassVar[Fields] = {
        "vocab_size": 151936,
        "hidden_size": 4096,
        "intermediate_size": 22016,
        "num_hidden_layers": 32,
        "num_attention_heads": 32,
        "max_position_embeddings": 128000,
    }

    def document(self, config: Config) -> Document:
        """Qwen3's."""
        return super().document(flattened(config))
