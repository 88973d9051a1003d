"""Code World Model: LLaMA 3's layout with windows on three layers of four."""

from __future__ import annotations

from typing import ClassVar

from harness.checkpoints.config import Config
from harness.checkpoints.families import Document, Fields, families, with_windows
from harness.checkpoints.families.llama import Llama
from harness.checkpoints.rotary import parameters_of

SCALED = {
    "rope_type": "llama3",
    "rope_theta": 1000000.0,
    "factor": 16.0,
    "low_freq_factor": 1.0,
    "high_freq_factor": 4.0,
    "original_max_position_embeddings": 8192,
}
"""What the family's code assumes where the config says nothing of positions."""


@families.register("cwm")
class CWM(Llama, called="CWM"):
    """CWM 32B."""

    source = ("transformers, models/cwm", "https://github.com/huggingface/transformers")

    defaults: ClassVar[Fields] = {
        "head_dim": 128,
        "num_key_value_heads": 8,
        "rms_norm_eps": 1e-5,
        "rope_theta": 1000000.0,
        "sliding_window": 8192,
    }
    absent = ("attention_bias",)

    def document(self, config: Config) -> Document:
        """LLaMA's; the first layer of four sees everything where the config does not say which."""
        if not parameters_of(config).names:
            config = config.with_parts(rope_parameters=SCALED)
        document = super().document(config)
        layers = range(document["dims"]["num_layers"])
        return with_windows(document, config, ["sliding_attention" if i % 4 else "full_attention" for i in layers])
