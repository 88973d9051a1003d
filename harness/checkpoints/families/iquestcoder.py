"""IQuest-Coder: LLaMA's layout."""

from __future__ import annotations

from typing import ClassVar

from harness.checkpoints.config import Config
from harness.checkpoints.families import Document, Fields, families
from harness.checkpoints.families.llama import Llama


@families.register("iquestcoder")
class IQuestCoder(Llama, called="IQuest-Coder"):
    """IQuest-Coder V1. No release uses the windows or the clipping that its configs provide for."""

    source = ("transformers, models/iquestcoder", "https://github.com/huggingface/transformers")

    defaults: ClassVar[Fields] = {"head_dim": 128, "num_key_value_heads": 8, "rms_norm_eps": 1e-5}

    def document(self, config: Config) -> Document:
        """LLaMA's."""
        config.expect("clip_qkv")
        config.expect("use_sliding_window", False)
        config.ignore("sliding_window", "max_window_layers")
        return super().document(config)
