"""Baichuan: LLaMA's layout with queries, keys and values in one matrix; ALiBi in the 13B model."""

from __future__ import annotations

from harness.checkpoints.config import Config
from harness.checkpoints.families import Document, families
from harness.checkpoints.families.llama import NAMES, Llama
from harness.checkpoints.layout import Templates
from harness.spec.model import Spec


@families.register("baichuan")
class Baichuan(Llama, called="Baichuan"):
    """The config of the 7B model has `max_position_embeddings` and rotary positions, that of 13B `model_max_length`."""

    source = ("baichuan-inc/Baichuan-7B and -13B", "https://github.com/baichuan-inc/Baichuan-7B")

    def document(self, config: Config) -> Document:
        """LLaMA's, with multi-head attention and the positions of its size."""
        linear_biases = config.take("max_position_embeddings", default=None) is None
        length = config.take("max_position_embeddings", "model_max_length")
        document = super().document(config.with_fields(max_position_embeddings=length))
        choices = document["choices"]
        attention = {"kind": "softmax", "num_heads": choices["attention"]["num_heads"], "bias": False}
        changed = {"attention": attention} | ({"position": "alibi"} if linear_biases else {})
        return {**document, "choices": {**choices, **changed}}

    def templates(self, spec: Spec) -> Templates:
        """W_pack holds all queries, then all keys, then all values."""
        packed = {"model.layers.{i}.self_attn.W_pack.weight": "layers.{i}.attention.qkv.weight"}
        return {**NAMES, **packed}
