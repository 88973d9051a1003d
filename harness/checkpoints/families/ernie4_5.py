"""ERNIE 4.5, the dense models: LLaMA's layout with interleaved rotary pairs, and biases everywhere or nowhere."""

from __future__ import annotations

from typing import ClassVar

from harness.checkpoints.config import Config
from harness.checkpoints.families import Document, Fields, families
from harness.checkpoints.families.llama import Llama


@families.register("ernie4_5")
class Ernie45(Llama, called="ERNIE"):
    """ERNIE 4.5 0.3B."""

    source = ("transformers, models/ernie4_5", "https://github.com/huggingface/transformers")

    defaults: ClassVar[Fields] = {
        "head_dim": 128,
        "num_key_value_heads": 2,
        "rms_norm_eps": 1e-5,
        "rope_theta": 500000.0,
        "tie_word_embeddings": True,
    }
    layout = "interleaved"

    def document(self, config: Config) -> Document:
        """LLaMA's, with one field for all biases."""
        config.ignore("weight_share_add_bias")  # not read
        bias = config.take("use_bias", default=False)
        return super().document(config.with_fields(attention_bias=bias, mlp_bias=bias))
