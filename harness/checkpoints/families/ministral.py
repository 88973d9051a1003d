"""Ministral: LLaMA's layout, with windows where `layer_types` says so."""

from __future__ import annotations

from typing import ClassVar

from harness.checkpoints.config import Config
from harness.checkpoints.families import Document, Fields, families, with_windows
from harness.checkpoints.families.llama import Llama


@families.register("ministral")
class Ministral(Llama, called="Mistral"):
    """Ministral 8B."""

    source = ("transformers, models/ministral", "https://github.com/huggingface/transformers")

    defaults: ClassVar[Fields] = {"num_key_value_heads": 8, "sliding_window": 4096}
    absent = ("attention_bias", "mlp_bias")

    def document(self, config: Config) -> Document:
        """LLaMA's, with windows; on all layers where the config does not say on which."""
        document = super().document(config)
        return with_windows(document, config, ["sliding_attention"] * document["dims"]["num_layers"])
