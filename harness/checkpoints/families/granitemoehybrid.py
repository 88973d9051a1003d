"""Granite 4: Granite's layout with Mamba-2 in most layers, an MLP beside experts or alone, and positions or none."""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar

from harness.checkpoints.config import Config
from harness.checkpoints.experts import GATE_AND_UP_INSIDE, with_experts
from harness.checkpoints.families import SILU, Document, Fields, families, with_choices
from harness.checkpoints.families.granite import Granite
from harness.checkpoints.families.granitemoe import SHARED_MLP
from harness.checkpoints.families.llama import NAMES
from harness.checkpoints.layout import Stacked, Templates
from harness.checkpoints.recurrent import (
    ATTENTION,
    LINEAR,
    OLDER,
    in_kinds,
    in_layers_of,
    mamba2_by_prefix,
    mamba2_names,
)
from harness.choices.experts.none import NoExperts
from harness.spec.model import Spec

ALONE: Templates = {
    "model.layers.{i}.shared_mlp.input_linear.weight": (
        ("layers.{i}.mlp.gate.weight", "layers.{i}.mlp.up.weight"),
        Stacked(),
    ),
    "model.layers.{i}.shared_mlp.output_linear.weight": "layers.{i}.mlp.down.weight",
}
"""The MLP that elsewhere stands beside experts."""


@families.register("granitemoehybrid")
class GraniteMoeHybrid(Granite, called="Granite"):
    """Granite 4."""

    source = ("transformers, models/granitemoehybrid", "https://github.com/huggingface/transformers")

    activations: ClassVar[Mapping[str, dict[str, str]]] = SILU
    defaults: ClassVar[Fields] = {"num_local_experts": 8, "shared_intermediate_size": 1024}
    absent = ("mlp_bias",)

    def document(self, config: Config) -> Document:
        """Granite's, with a block for each kind of layer; what speaks of kinds that are not there is not read."""
        count, total = config.take("num_hidden_layers"), config.take("num_local_experts")
        kinds = config.take("layer_types", "layers_block_type", default=[LINEAR] * count)
        kinds = [OLDER.get(kind, kind) for kind in kinds]
        if set(kinds) - {ATTENTION, LINEAR} or len(kinds) != count:
            field = "layers_block_type" if "layers_block_type" in config.names else "layer_types"
            config.refuse(field, kinds, f"expected {count} of attention and mamba")
        position = config.take("position_embedding_type", default="nope")
        if position not in ("rope", "nope"):
            config.refuse("position_embedding_type", position, "expected rope, nope or null")
        shared, width = config.take("shared_intermediate_size"), config.take("intermediate_size", default=0)
        document = super().document(config.with_fields(intermediate_size=shared))
        if position == "nope":
            document = with_choices(document, position="none")
        if set(kinds) == {ATTENTION}:
            config.ignore("time_step_limit", *(name for name in config.names if name.startswith("mamba_")))
        else:
            document = in_kinds(document, kinds, {ATTENTION: {}, LINEAR: {"mixer": mamba2_by_prefix(config)}})
        if not total:
            config.ignore("num_experts_per_tok", "output_router_logits")
            return document
        experts = {
            "num_experts": total,
            "experts_per_token": config.take("num_experts_per_tok", default=2),
            "normalised": True,
            "shared_size": shared,
        }
        return with_experts(document, experts, width, [True] * count)

    def templates(self, spec: Spec) -> Templates:
        """LLaMA's, with gate and up in one matrix, and Mamba-2's."""
        names = {name: own for name, own in NAMES.items() if ".mlp." not in name}
        experts = ALONE if isinstance(spec.layer(0).experts, NoExperts) else {**GATE_AND_UP_INSIDE, **SHARED_MLP}
        return {**names, **in_layers_of(spec, "mamba2", mamba2_names("model.layers.{i}.mamba.")), **experts}
