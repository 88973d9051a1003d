"""Granite with experts: Granite's factors, and all experts of a layer in two tensors."""

from __future__ import annotations

from typing import Any, ClassVar

from harness.checkpoints.config import Config
from harness.checkpoints.experts import GATE_AND_UP_INSIDE, with_experts
from harness.checkpoints.families import Document, Fields, families
from harness.checkpoints.families.granite import Granite
from harness.checkpoints.families.llama import NAMES
from harness.checkpoints.layout import Stacked, Templates
from harness.spec.model import Spec


@families.register("granitemoe")
class GraniteMoe(Granite, called="Granite"):
    """Granite 3 1B-A400M and 3B-A800M."""

    source = ("transformers, models/granitemoe", "https://github.com/huggingface/transformers")

    absent = ("mlp_bias",)

    def document(self, config: Config) -> Document:
        """Granite's, with experts whose weights are a softmax over those that are chosen."""
        document = super().document(config)
        experts = {
            "num_experts": config.take("num_local_experts", default=8),
            "experts_per_token": config.take("num_experts_per_tok", default=2),
            "normalised": True,
            **self.shared(config),
        }
        width = document["choices"]["mlp"]["intermediate_size"]
        return with_experts(document, experts, width, [True] * document["dims"]["num_layers"])

    def shared(self, config: Config) -> dict[str, Any]:
        """What every token goes through: nothing here."""
        return {}

    def templates(self, spec: Spec) -> Templates:
        """LLaMA's, with the experts."""
        return {**NAMES, **GATE_AND_UP_INSIDE}


@families.register("granitemoeshared")
class GraniteMoeShared(GraniteMoe, called="Granite"):
    """The same with an MLP beside the experts."""

    source = ("transformers, models/granitemoeshared", "https://github.com/huggingface/transformers")

    sizes: ClassVar[Fields] = {}

    def shared(self, config: Config) -> dict[str, Any]:
        """An MLP, where it has a width."""
        width = config.take("shared_intermediate_size", default=0)
        return {"shared_size": width} if width else {}

    def templates(self, spec: Spec) -> Templates:
        """The same, with that MLP."""
        return {**NAMES, **GATE_AND_UP_INSIDE, **SHARED_MLP}


SHARED_MLP: Templates = {
    "model.layers.{i}.shared_mlp.input_linear.weight": (
        ("layers.{i}.mlp.shared.gate.weight", "layers.{i}.mlp.shared.up.weight"),
        Stacked(),
    ),
    "model.layers.{i}.shared_mlp.output_linear.weight": "layers.{i}.mlp.shared.down.weight",
}
