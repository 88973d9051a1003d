"""Mistral: LLaMA's layout, with a window on every layer or on none."""

from __future__ import annotations

from typing import ClassVar

from harness.checkpoints.config import Config
from harness.checkpoints.families import Document, Fields, families, with_choices
from harness.checkpoints.families.llama import Llama


@families.register("mistral")
class Mistral(Llama, called="Mistral"):
    """Mistral 7B, and what was released in its layout."""

    source = ("transformers, models/mistral", "https://github.com/huggingface/transformers")

    defaults: ClassVar[Fields] = {"num_key_value_heads": 8, "sliding_window": 4096}
    sizes: ClassVar[Fields] = {
        "vocab_size": 32000,
        "hidden_size": 4096,
        "intermediate_size": 14336,
        "num_hidden_layers": 32,
        "num_attention_heads": 32,
        "max_position_embeddings": 131072,
    }
    absent = ("attention_bias", "mlp_bias")

    def document(self, config: Config) -> Document:
        """LLaMA's, with the window."""
        window = config.take("sliding_window", default=None)
        return with_choices(
            super().document(config), pattern={"kind": "banded", "window": window} if window else "dense"
        )
