"""Qwen3: Qwen2 with normalised queries and keys."""

from __future__ import annotations

from typing import Any, ClassVar

from harness.checkpoints.config import Config
from harness.checkpoints.families import Fields, families
from harness.checkpoints.families.llama import HEAD_NORMS, NAMES, Llama
from harness.checkpoints.families.qwen2 import Qwen2
from harness.checkpoints.layout import Templates
from harness.spec.model import Spec


@families.register("qwen3")
class Qwen3(Qwen2, called="Qwen"):
    """The dense models of Qwen3."""

    source = ("transformers, models/qwen3", "https://github.com/huggingface/transformers")

    defaults: ClassVar[Fields] = {"head_dim": 128}
    sizes: ClassVar[Fields] = Qwen2.sizes

    def attention(self, config: Config) -> dict[str, Any]:
        """LLaMA's, each head of the queries and keys normalised."""
        return {**Llama.attention(self, config), "qk_norm": "head"}

    def templates(self, spec: Spec) -> Templates:
        """LLaMA's, with the norms."""
        return {**NAMES, **HEAD_NORMS}
