"""Qwen2 and Qwen2.5: LLaMA's layout with biases on queries, keys and values."""

from __future__ import annotations

from typing import Any, ClassVar

from harness.checkpoints.config import Config
from harness.checkpoints.families import Document, Fields, families, with_windows
from harness.checkpoints.families.llama import Llama


@families.register("qwen2")
class Qwen2(Llama, called="Qwen"):
    """Qwen2, whose upper layers may use windows."""

    source = ("transformers, models/qwen2", "https://github.com/huggingface/transformers")

    sizes: ClassVar[Fields] = {
        "vocab_size": 151936,
        "hidden_size": 4096,
        "intermediate_size": 22016,
        "num_hidden_layers": 32,
        "num_attention_heads": 32,
        "num_key_value_heads": 32,
        "max_position_embeddings": 32768,
    }
    absent = ("mlp_bias",)

    def document(self, config: Config) -> Document:
        """LLaMA's, with windows where `use_sliding_window` is set."""
        config.ignore("dual_chunk_attention_config")  # of serving: transformers does not read it
        document = super().document(config)
        if config.take("use_sliding_window", default=False):
            first = config.take("max_window_layers", default=28)
            assumed = [
                "full_attention" if i < first else "sliding_attention" for i in range(document["dims"]["num_layers"])
            ]
            return with_windows(document, config, assumed, None if "sliding_window" in config.nulls else 4096)
        config.ignore("sliding_window", "max_window_layers", "layer_types")
        return document

    def attention(self, config: Config) -> dict[str, Any]:
        """No bias on the projection out of the heads."""
        return {**super().attention(config), "bias": "qkv"}
