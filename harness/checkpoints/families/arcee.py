"""Arcee: LLaMA's layout with a plain MLP and squared ReLU."""

from __future__ import annotations

from typing import ClassVar

from harness.checkpoints.families import PLAIN, Fields, families
from harness.checkpoints.families.llama import Llama


@families.register("arcee")
class Arcee(Llama, called="Arcee"):
    """AFM 4.5B."""

    source = ("transformers, models/arcee", "https://github.com/huggingface/transformers")

    defaults: ClassVar[Fields] = {"rms_norm_eps": 1e-5, "hidden_act": "relu2"}
    activations = PLAIN
