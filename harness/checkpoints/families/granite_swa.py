"""Granite with sinks, windows in most layers, and in each layer a rotary base of its own or no positions."""

from __future__ import annotations

from typing import Any, ClassVar

from harness.checkpoints.config import Config
from harness.checkpoints.experts import EXPERT, StackedInside
from harness.checkpoints.families import Document, Fields, families
from harness.checkpoints.families.granite import Granite
from harness.checkpoints.families.granitemoe import SHARED_MLP, GraniteMoeShared
from harness.checkpoints.families.llama import NAMES
from harness.checkpoints.layout import Templates
from harness.spec.model import Spec

FULL, SLIDING = "full_attention", "sliding_attention"
SINKS = {"model.layers.{i}.self_attn.sinks": "layers.{i}.mixer.sinks"}


LAYER = "model.layers.{i}.block_sparse_moe."
EXPERTS: Templates = {
    f"{LAYER}router.weight": "layers.{i}.mlp.router.weight",
    f"{LAYER}experts.gate_up_proj": ((f"{EXPERT}gate.weight", f"{EXPERT}up.weight"), StackedInside()),
    f"{LAYER}experts.down_proj": f"{EXPERT}down.weight",
}


def in_windows(document: Document, config: Config) -> Document:
    """Every fourth layer from the first sees everything, unless the config lists them; a base of 0 is no positions."""
    count, position = document["dims"]["num_layers"], document["choices"]["position"]
    assumed = [SLIDING if layer % 4 else FULL for layer in range(count)]
    kinds = config.take("layer_types", default=assumed)
    bases = config.take("layer_rope_theta", default=[position["theta"]] * count)
    window = config.take("sliding_window", default=128)
    if set(kinds) - {FULL, SLIDING} or len(kinds) != count:
        config.refuse("layer_types", kinds, f"expected {count} of {FULL}, {SLIDING}")
    if len(bases) != count:
        config.refuse("layer_rope_theta", bases, f"expected {count} numbers")
    blocks, layers = {}, []
    for kind, base in zip(kinds, bases, strict=True):
        name = f"{'full' if kind == FULL else 'window'}{f'_{float(base):g}' if base else '_nope'}".replace("+", "")
        pattern = "dense" if kind == FULL else {"kind": "banded", "window": window}
        blocks[name] = {"pattern": pattern, "position": {**position, "theta": float(base)} if base else "none"}
        layers.append(name)
    return {**document, "blocks": blocks, "layers": layers}


@families.register("granite_swa")
class GraniteSWA(Granite, called="Granite"):
    """The dense models."""

    source = ("transformers, models/granite_swa", "https://github.com/huggingface/transformers")

    defaults: ClassVar[Fields] = {"num_key_value_heads": 4, "rms_norm_eps": 1e-5, "tie_word_embeddings": True}
    sizes: ClassVar[Fields] = {}

    def document(self, config: Config) -> Document:
        """Granite's, with the windows."""
        return in_windows(super().document(config), config)

    def attention(self, config: Config) -> dict[str, Any]:
        """With sinks."""
        return {**super().attention(config), "sinks": True}

    def templates(self, spec: Spec) -> Templates:
        """LLaMA's, with the sinks."""
        return {**NAMES, **SINKS}


@families.register("granitemoe_swa")
class GraniteMoeSWA(GraniteMoeShared, called="Granite"):
    """The same with experts."""

    source = ("transformers, models/granitemoe_swa", "https://github.com/huggingface/transformers")

    sizes: ClassVar[Fields] = {}

    def document(self, config: Config) -> Document:
        """Granite's with experts, with the windows."""
        return in_windows(super().document(config), config)

    def attention(self, config: Config) -> dict[str, Any]:
        """With sinks."""
        return {**super().attention(config), "sinks": True}

    def templates(self, spec: Spec) -> Templates:
        """LLaMA's, with the sinks, and the experts in today's words."""
        return {**NAMES, **SHARED_MLP, **SINKS, **EXPERTS}
