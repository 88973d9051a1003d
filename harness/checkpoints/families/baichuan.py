"""Baichuan: LLaMA's layout with queries, keys and values in one matrix; ALiBi in the 13B model."""

from __future__ import annotations

from typing import Any

from harness.checkpoints.config import Config
from harness.checkpoints.families import Document, families
from harness.checkpoints.families.llama import NAMES, Llama
from harness.checkpoints.layout import Templates
from harness.spec.model import Spec

SECOND_VOCABULARY = 125696
"""Only the vocabulary tells a config of Baichuan 2, whose code normalises the rows of the head, from Baichuan 1's."""


@families.register("baichuan")
class Baichuan(Llama, called="Baichuan"):
    """The config of the 7B model has `max_position_embeddings` and rotary positions, that of 13B `model_max_length`."""

    source = ("baichuan-inc/Baichuan-7B and -13B", "https://github.com/baichuan-inc/Baichuan-7B")

    def document(self, config: Config) -> Document:
        """LLaMA's, with multi-head attention and the positions of its size."""
        second = config.take("vocab_size") == SECOND_VOCABULARY
        config.ignore("z_loss_weight")  # of training
        linear_biases = config.take("max_position_embeddings", default=None) is None
        length = config.take("max_position_embeddings", "model_max_length")
        document = super().document(config.with_fields(max_position_embeddings=length))
        choices = document["choices"]
        attention = {"kind": "softmax", "num_heads": choices["mixer"]["num_heads"], "bias": False}
        changed: dict[str, Any] = {"mixer": attention} | ({"position": "alibi"} if linear_biases else {})
        if second and choices["head"]["kind"] == "untied":
            changed["head"] = {**choices["head"], "normalised": True}
        return {**document, "choices": {**choices, **changed}}

    def templates(self, spec: Spec) -> Templates:
        """W_pack holds all queries, then all keys, then all values."""
        packed = {"model.layers.{i}.self_attn.W_pack.weight": "layers.{i}.mixer.qkv.weight"}
        return {**NAMES, **packed}
