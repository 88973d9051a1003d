"""EXAONE 4.0: what sublayers add is normalised; where there are windows, only their layers have positions."""

from __future__ import annotations

from typing import Any, ClassVar

from harness.checkpoints.config import Config
from harness.checkpoints.families import Document, Fields, families, in_blocks, with_choices, with_windows
from harness.checkpoints.families.llama import Llama
from harness.checkpoints.families.olmo2 import REORDERED
from harness.checkpoints.layout import Templates
from harness.spec.model import Spec


@families.register("exaone4")
class EXAONE4(Llama, called="EXAONE"):
    """The 1.2B model has no windows, the 32B model three of them for each layer that sees everything."""

    source = ("transformers, models/exaone4", "https://github.com/huggingface/transformers")

    defaults: ClassVar[Fields] = {
        "num_key_value_heads": 32,
        "rms_norm_eps": 1e-5,
        "sliding_window": 4096,
        "sliding_window_pattern": 4,
    }
    sizes: ClassVar[Fields] = {
        "vocab_size": 102400,
        "hidden_size": 4096,
        "intermediate_size": 16384,
        "num_hidden_layers": 32,
        "num_attention_heads": 32,
        "max_position_embeddings": 2048,
    }
    absent = ("attention_bias", "mlp_bias")

    def document(self, config: Config) -> Document:
        """LLaMA's, with the norms behind the sublayers, and windows."""
        document = with_choices(super().document(config), residual="reordered")
        layers = range(1, document["dims"]["num_layers"] + 1)
        if config.take("sliding_window", default=None) is None:
            config.ignore("sliding_window_pattern")
            return with_windows(document, config, ["full_attention" for _ in layers])
        if config.take("layer_types", default=None, of=list):
            config.ignore("sliding_window_pattern")  # a word in some configs
            assumed = []
        else:
            period = config.take("sliding_window_pattern")
            assumed = ["sliding_attention" if i % period else "full_attention" for i in layers]
        return in_blocks(with_windows(document, config, assumed), "position", full="none")

    def attention(self, config: Config) -> dict[str, Any]:
        """Each head of the queries and keys normalised."""
        return {**super().attention(config), "qk_norm": "head"}

    def templates(self, spec: Spec) -> Templates:
        """OLMo 2's."""
        return REORDERED
