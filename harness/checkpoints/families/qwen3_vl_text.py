"""Qwen3-VL without its eyes: Qwen3; in a text the three positions of a token are one."""

from __future__ import annotations

from typing import ClassVar

from harness.checkpoints.config import Config
from harness.checkpoints.experts import EXPERT, StackedInsideTransposed
from harness.checkpoints.families import Document, Fields, families
from harness.checkpoints.families.qwen3 import Qwen3
from harness.checkpoints.families.qwen3_moe import Qwen3Moe
from harness.checkpoints.layout import Templates
from harness.checkpoints.rotary import flattened
from harness.spec.model import Spec


@families.register("qwen3_vl_text")
class Qwen3VLText(Qwen3, called="Qwen"):
    """The text models of the dense models of Qwen3-VL."""

    source = ("transformers, models/qwen3_vl", "https://github.com/huggingface/transformers")

    defaults: ClassVar[Fields] = {"head_dim": 128, "num_key_value_heads": 32, "rope_theta": 500000.0}
    sizes: ClassVar[Fields] = {
        "vocab_size": 151936,
        "hidden_size": 4096,
        "intermediate_size": 22016,
        "num_hidden_layers": 32,
        "num_attention_heads": 32,
        "max_position_embeddings": 128000,
    }

    def document(self, config: Config) -> Document:
        """Qwen3's."""
        return super().document(flattened(config))


@families.register("qwen3_vl_moe_text")
class Qwen3VLMoeText(Qwen3Moe, called="Qwen"):
    """The text models of Qwen3-VL with experts."""

    source = ("transformers, models/qwen3_vl_moe", "https://github.com/huggingface/transformers")

    defaults: ClassVar[Fields] = {
        "num_key_value_heads": 16,
        "rope_theta": 500000.0,
        "num_experts_per_tok": 4,
        "moe_intermediate_size": 1408,
        "norm_topk_prob": True,
        "tie_word_embeddings": True,
    }
    sizes: ClassVar[Fields] = {
        "vocab_size": 151936,
        "hidden_size": 2048,
        "intermediate_size": 5632,
        "num_hidden_layers": 24,
        "num_attention_heads": 16,
        "max_position_embeddings": 128000,
    }

    num_experts = 60

    def document(self, config: Config) -> Document:
        """Qwen3-MoE's; the weights of the chosen experts are always divided by their sum."""
        config.expect("norm_topk_prob", True)
        return super().document(flattened(config))

    def templates(self, spec: Spec) -> Templates:
        """With the experts of a layer in one tensor each."""
        names = {name: own for name, own in super().templates(spec).items() if ".experts." not in name}
        both = (f"{EXPERT}gate.weight", f"{EXPERT}up.weight")
        return {
            **names,
            "model.layers.{i}.mlp.experts.gate_up_proj": (both, StackedInsideTransposed()),
            "model.layers.{i}.mlp.experts.down_proj": ((f"{EXPERT}down.weight",), StackedInsideTransposed()),
        }
