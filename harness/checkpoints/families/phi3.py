"""Phi-3 and Phi-4: LLaMA's layout with two fused matrices."""

from __future__ import annotations

from typing import Any, ClassVar

from harness.checkpoints.config import Config
from harness.checkpoints.families import Document, Fields, families, with_choices
from harness.checkpoints.families.llama import NAMES, Llama
from harness.checkpoints.layout import Stacked, Templates
from harness.checkpoints.rotary import kind_of, parameters_of
from harness.spec.model import Spec


@families.register("phi3")
class Phi3(Llama, called="Phi"):
    """Every layer may see a window. Of rotary scalings its code knows LongRoPE, for which it also takes yarn."""

    source = ("transformers, models/phi3", "https://github.com/huggingface/transformers")

    defaults: ClassVar[dict[str, Any]] = {"rms_norm_eps": 1e-5, "original_max_position_embeddings": 4096}
    sizes: ClassVar[Fields] = {
        "vocab_size": 32064,
        "hidden_size": 3072,
        "intermediate_size": 8192,
        "num_hidden_layers": 32,
        "num_attention_heads": 32,
        "max_position_embeddings": 4096,
    }

    fraction = 1.0
    absent = ("attention_bias", "mlp_bias")

    def document(self, config: Config) -> Document:
        """LLaMA's; where the rotary base is not scaled, the original length says nothing."""
        parameters = parameters_of(config)
        kind = kind_of(parameters)
        if kind not in ("default", "longrope", "su", "yarn"):
            parameters.refuse("rope_type" if "rope_type" in parameters.names else "type", kind, "expected longrope")
        config.ignore("original_max_position_embeddings")
        config.expect("full_attn_mod", 1)
        config.expect("interpolate_factor", 1)
        longrope = parameters.with_fields(rope_type="longrope") if kind == "yarn" else parameters
        document = super().document(config.with_part(parameters, longrope))
        window = config.take("sliding_window", default=None)
        return with_choices(document, pattern={"kind": "banded", "window": window}) if window else document

    def templates(self, spec: Spec) -> Templates:
        """All queries, then all keys, then all values; the gate, then what it multiplies."""
        gate_up = ("layers.{i}.mlp.gate.weight", "layers.{i}.mlp.up.weight")
        whole = {name: own for name, own in NAMES.items() if own not in gate_up}
        return {
            **whole,
            "model.layers.{i}.self_attn.qkv_proj.weight": "layers.{i}.mixer.qkv.weight",
            "model.layers.{i}.mlp.gate_up_proj.weight": (gate_up, Stacked()),
        }
