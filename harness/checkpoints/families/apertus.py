"""Apertus: LLaMA's layout with normalised queries and keys, and a plain MLP whose activation is trained."""

from __future__ import annotations

from typing import Any, ClassVar

from harness.checkpoints.config import Config
from harness.checkpoints.families import PLAIN, Document, Fields, families
from harness.checkpoints.families.llama import HEAD_NORMS, NAMES, Llama
from harness.checkpoints.layout import Templates
from harness.checkpoints.rotary import parameters_of
from harness.spec.model import Spec

SCALED = {
    "rope_type": "llama3",
    "rope_theta": 12000000.0,
    "factor": 8.0,
    "low_freq_factor": 1.0,
    "high_freq_factor": 4.0,
    "original_max_position_embeddings": 8192,
}
"""What the family's code assumes where the config says nothing of positions."""

RENAMED = {"input_layernorm": "attention_layernorm", "post_attention_layernorm": "feedforward_layernorm"}


@families.register("apertus")
class Apertus(Llama, called="Apertus"):
    """Apertus 8B and 70B."""

    source = ("transformers, models/apertus", "https://github.com/huggingface/transformers")

    ignored = (*Llama.ignored, ".mlp.act_fn.beta", ".mlp.act_fn.eps")

    defaults: ClassVar[Fields] = {"rms_norm_eps": 1e-5, "hidden_act": "xielu", "rope_theta": 12000000.0}
    activations: ClassVar[dict[str, Any]] = {**PLAIN, "xielu": {"kind": "xielu", "beta": 0.5}}
    absent = ("mlp_bias",)

    def document(self, config: Config) -> Document:
        """LLaMA's."""
        if not parameters_of(config).names:
            config = config.with_parts(rope_parameters=SCALED)
        return super().document(config)

    def attention(self, config: Config) -> dict[str, Any]:
        """Each head of the queries and keys normalised."""
        return {**super().attention(config), "qk_norm": "head"}

    def templates(self, spec: Spec) -> Templates:
        """LLaMA's, with other words for the norms, and the activation's numbers."""
        names = {**NAMES, **HEAD_NORMS}
        for theirs, here in RENAMED.items():
            names = {name.replace(f".{theirs}.", f".{here}."): own for name, own in names.items()}
        for released, own in {"alpha_p": "above", "alpha_n": "below"}.items():
            names[f"model.layers.{{i}}.mlp.act_fn.{released}"] = f"layers.{{i}}.mlp.{own}"
        return names
