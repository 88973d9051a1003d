"""Granite 4 where it is dense: Granite's layout, an MLP that elsewhere stands beside experts, positions or none."""

from __future__ import annotations

from typing import ClassVar

from harness.checkpoints.config import Config
from harness.checkpoints.families import Document, Fields, families, with_choices
from harness.checkpoints.families.granite import Granite
from harness.checkpoints.families.llama import NAMES
from harness.checkpoints.layout import Stacked, Templates
from harness.spec.model import Spec


@families.register("granitemoehybrid")
class GraniteMoeHybrid(Granite, called="Granite"):
    """The models of Granite 4 that hold neither experts nor state-space layers."""

    source = ("transformers, models/granitemoehybrid", "https://github.com/huggingface/transformers")

    defaults: ClassVar[Fields] = {"num_local_experts": 8, "shared_intermediate_size": 1024}
    absent = ("mlp_bias",)

    def document(self, config: Config) -> Document:
        """Granite's; what says of experts and of state-space layers how large they are is not read."""
        experts = config.take("num_local_experts")
        if experts:
            config.refuse("num_local_experts", experts, "expected 0: no spec has a mixture of experts")
        kinds = config.take("layer_types", "layers_block_type", default=None, of=list)
        layers = config.take("num_hidden_layers")
        if kinds is None or set(kinds) - {"attention", "full_attention"} or len(kinds) != layers:
            field = "layers_block_type" if "layers_block_type" in config.names else "layer_types"
            config.refuse(field, kinds, f"expected {layers} of attention: no spec has state-space layers")
        config.ignore(*(name for name in config.names if name.startswith("mamba_")))
        config.ignore("num_experts_per_tok", "intermediate_size", "time_step_limit", "output_router_logits")
        kind = config.take("position_embedding_type", default="nope")
        if kind not in ("rope", "nope"):
            config.refuse("position_embedding_type", kind, "expected rope, nope or null")
        width = config.take("shared_intermediate_size")
        document = super().document(config.with_fields(intermediate_size=width))
        return document if kind == "rope" else with_choices(document, position="none")

    def templates(self, spec: Spec) -> Templates:
        """LLaMA's, with gate and up in one matrix."""
        gate_up = ("layers.{i}.mlp.gate.weight", "layers.{i}.mlp.up.weight")
        return {
            **{name: own for name, own in NAMES.items() if ".mlp." not in name},
            "model.layers.{i}.shared_mlp.input_linear.weight": (gate_up, Stacked()),
            "model.layers.{i}.shared_mlp.output_linear.weight": "layers.{i}.mlp.down.weight",
        }
