"""Nemotron: LLaMA's layout with LayerNorm and a plain MLP."""

from __future__ import annotations

from typing import Any, ClassVar

from harness.checkpoints.config import Config
from harness.checkpoints.families import PLAIN, Document, families, with_choices
from harness.checkpoints.families.llama import NAMES, Llama
from harness.checkpoints.families.stablelm import NORM_BIASES
from harness.checkpoints.layout import OnePlus, Templates
from harness.spec.model import Spec


@families.register("nemotron")
class Nemotron(Llama, called="Nemotron"):
    """Squared ReLU; half of each head rotates; gains are stored as what they are more than 1."""

    source = ("transformers, models/nemotron", "https://github.com/huggingface/transformers")

    defaults: ClassVar[dict[str, Any]] = {"hidden_act": "relu2"}

    fraction = 0.5
    activations = PLAIN

    def document(self, config: Config) -> Document:
        """LLaMA's, with another norm."""
        return with_choices(
            super().document(config),
            norm={"kind": "layernorm", "eps": config.take("norm_eps", default=1e-5)},
        )

    def templates(self, spec: Spec) -> Templates:
        """LLaMA's, with biases of the norms."""
        gains = {name: ((own,), OnePlus()) for name, own in NAMES.items() if "norm" in name}
        return {**NAMES, **gains, **NORM_BIASES}
