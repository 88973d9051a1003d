"""Bamba: LLaMA's layout with Mamba-2 in most layers."""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar

from harness.checkpoints.config import Config
from harness.checkpoints.families import SILU, Document, Fields, families
from harness.checkpoints.families.llama import NAMES, Llama
from harness.checkpoints.layout import Templates
from harness.checkpoints.recurrent import ATTENTION, LINEAR, in_kinds, in_layers_of, mamba2_by_prefix, mamba2_names
from harness.spec.model import Spec

RENAMED = {
    ".mlp.": ".feed_forward.",
    "post_attention_layernorm": "pre_ff_layernorm",
    "model.norm.": "model.final_layernorm.",
}


@families.register("bamba")
class Bamba(Llama, called="Bamba"):
    """Bamba 9B."""

    source = ("transformers, models/bamba", "https://github.com/huggingface/transformers")

    activations: ClassVar[Mapping[str, dict[str, str]]] = SILU
    defaults: ClassVar[Fields] = {"num_key_value_heads": 8, "rms_norm_eps": 1e-5, "max_position_embeddings": 262144}
    sizes: ClassVar[Fields] = {}
    fraction = 0.5

    def document(self, config: Config) -> Document:
        """LLaMA's, with the mixer of the other layers."""
        document = super().document(config)
        count = document["dims"]["num_layers"]
        with_attention = config.take("attn_layer_indices", default=[])
        config.ignore(
            "layer_types", "layers_block_type", "z_loss_coefficient", "num_logits_to_keep"
        )  # what it says already
        kinds = [ATTENTION if layer in with_attention else LINEAR for layer in range(count)]
        blocks = {ATTENTION: {}, LINEAR: {"mixer": mamba2_by_prefix(config)}}
        return in_kinds(document, kinds, blocks)

    def templates(self, spec: Spec) -> Templates:
        """LLaMA's in other words, and Mamba-2's."""
        names = dict(NAMES)
        for ours, theirs in RENAMED.items():
            names = {name.replace(ours, theirs): own for name, own in names.items()}
        return {**names, **in_layers_of(spec, "mamba2", mamba2_names("model.layers.{i}.mamba."))}
