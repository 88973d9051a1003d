"""Gemma: LLaMA's layout with scaled embeddings, GeGLU, and gains stored as what they are more than 1."""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar

from harness.checkpoints.config import Config
from harness.checkpoints.families import Document, Fields, families, with_choices
from harness.checkpoints.families.llama import NAMES, Llama
from harness.checkpoints.layout import OnePlus, Templates
from harness.spec.model import Spec


def one_plus(names: Mapping[str, str]) -> Templates:
    """The names, and that gains of norms are stored without their 1."""
    return {name: ((own,), OnePlus()) if "norm" in own else own for name, own in names.items()}


GEMMA_NAMES: Templates = one_plus(NAMES)


@families.register("gemma")
class Gemma(Llama, called="Gemma"):
    """The first Gemma. Its configs say `gelu` and mean the approximation by tanh, on which the models were trained."""

    source = ("transformers, models/gemma", "https://github.com/huggingface/transformers")

    defaults: ClassVar[Fields] = {
        "head_dim": 256,
        "num_key_value_heads": 16,
        "tie_word_embeddings": True,
        "hidden_act": "gelu_pytorch_tanh",
    }
    absent = ("mlp_bias",)

    def document(self, config: Config) -> Document:
        """LLaMA's, with the embeddings times the root of their width."""
        config.expect("use_bidirectional_attention", False)
        config.expect("hidden_activation", "gelu_pytorch_tanh")
        if config.take("hidden_act", of=str) == "gelu":
            config = config.with_fields(hidden_act="gelu_pytorch_tanh")
        return with_choices(super().document(config), embedding={"kind": "table", "scale": "sqrt(D)"})

    def templates(self, spec: Spec) -> Templates:
        """LLaMA's names."""
        return GEMMA_NAMES
