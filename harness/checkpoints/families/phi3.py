"""Phi-3 and Phi-4: LLaMA's layout with two fused matrices."""

from __future__ import annotations

from typing import Any, ClassVar

from harness.checkpoints.config import Config
from harness.checkpoints.families import Document, families, with_choices
from harness.checkpoints.families.llama import NAMES, Llama
from harness.checkpoints.layout import Stacked, Templates
from harness.checkpoints.rotary import parameters_of
from harness.spec.model import Spec


@families.register("phi3")
class Phi3(Llama, called="Phi"):
    """Every layer may see a window. The rotary scaling of the long-context models is refused."""

    source = ("transformers, models/phi3", "https://github.com/huggingface/transformers")

    defaults: ClassVar[dict[str, Any]] = {"rms_norm_eps": 1e-5}

    fraction = 1.0
    absent = ("attention_bias", "mlp_bias")

    def document(self, config: Config) -> Document:
        """LLaMA's; where the rotary base is not scaled, the original length says nothing.

        Of scalings, the family's code knows LongRoPE only, which it also reads where a config says yarn.
        """
        config.ignore("original_max_position_embeddings")
        document = super().document(config)
        if "scaling" in document["choices"]["position"]:
            config.refuse(*parameters_of(config))
        window = config.take("sliding_window", default=None)
        return with_choices(document, pattern={"kind": "banded", "window": window}) if window else document

    def templates(self, spec: Spec) -> Templates:
        """All queries, then all keys, then all values; the gate, then what it multiplies."""
        gate_up = ("layers.{i}.mlp.gate.weight", "layers.{i}.mlp.up.weight")
        whole = {name: own for name, own in NAMES.items() if own not in gate_up}
        return {
            **whole,
            "model.layers.{i}.self_attn.qkv_proj.weight": "layers.{i}.attention.qkv.weight",
            "model.layers.{i}.mlp.gate_up_proj.weight": (gate_up, Stacked()),
        }
