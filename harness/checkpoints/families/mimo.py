"""MiMo: Qwen2's layout, with multi-token prediction beside it."""

from __future__ import annotations

from typing import Any

from harness.checkpoints.config import Config
from harness.checkpoints.families import FURTHER, Document, families, with_mtp
from harness.checkpoints.families.llama import Llama
from harness.checkpoints.families.qwen2 import Qwen2


@families.register("mimo")
class MiMo(Qwen2, called="MiMo"):
    """MiMo 7B."""

    source = ("XiaomiMiMo/MiMo-7B-Base, modeling_mimo.py", "https://huggingface.co/XiaomiMiMo/MiMo-7B-Base")

    ignored = (*Qwen2.ignored, *(f"model.mtp_layers.{index}." for index in range(8)))

    def document(self, config: Config) -> Document:
        """Qwen2's, with multi-token prediction."""
        return with_mtp(super().document(config), config.take(*FURTHER, default=0))

    def attention(self, config: Config) -> dict[str, Any]:
        """Biases on queries, keys and values, or none."""
        attention = Llama.attention(self, config)
        return {**attention, "bias": "qkv" if config.take("attention_bias", default=True) else False}
