"""dots.llm1: Qwen3's attention with experts behind the first layers."""

from __future__ import annotations

from typing import Any, ClassVar

from harness.checkpoints.config import Config
from harness.checkpoints.experts import behind_the_first, corrected, expert_names, with_experts
from harness.checkpoints.families import Document, Fields, families, with_windows
from harness.checkpoints.families.llama import HEAD_NORMS, NAMES, Llama
from harness.checkpoints.layout import Templates
from harness.spec.model import Spec


@families.register("dots1")
class Dots1(Llama, called="dots"):
    """dots.llm1."""

    source = ("transformers, models/dots1", "https://github.com/huggingface/transformers")

    sizes: ClassVar[Fields] = {}
    absent = ("mlp_bias",)

    def document(self, config: Config) -> Document:
        """LLaMA's, with windows from a layer on, and experts."""
        document = super().document(config)
        count = document["dims"]["num_layers"]
        first = config.take("max_window_layers", default=62)
        slides = "sliding_window" not in config.nulls
        assumed = ["sliding_attention" if slides and layer >= first else "full_attention" for layer in range(count)]
        if "sliding_attention" in config.take("layer_types", default=assumed):
            document = with_windows(document, config, assumed, 4096)
        config.ignore("sliding_window")
        sparse = behind_the_first(config, count)
        experts = corrected(config, normalised=False)
        return with_experts(document, experts, config.take("moe_intermediate_size"), sparse)

    def attention(self, config: Config) -> dict[str, Any]:
        """Each head of the queries and keys normalised."""
        return {**super().attention(config), "qk_norm": "head"}

    def templates(self, spec: Spec) -> Templates:
        """LLaMA's, with the norms and the experts."""
        return {**NAMES, **HEAD_NORMS, **expert_names()}
