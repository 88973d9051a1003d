"""StableLM: LLaMA's layout with LayerNorm."""

from __future__ import annotations

from typing import Any

from harness.checkpoints.config import Config
from harness.checkpoints.families import Document, families, with_choices
from harness.checkpoints.families.llama import NAMES, Llama
from harness.checkpoints.layout import Templates
from harness.choices.mixers.softmax import softmax_of
from harness.spec.model import Spec

NORM_BIASES = {
    name.replace("weight", "bias"): own.replace("weight", "bias") for name, own in NAMES.items() if "norm" in name
}


@families.register("stablelm")
class StableLM(Llama, called="StableLM"):
    """A quarter of each head rotates; StableLM 2 12B has its sublayers side by side, and gains for every head."""

    source = ("transformers, models/stablelm", "https://github.com/huggingface/transformers")

    fraction = 0.25
    absent = ("attention_bias", "mlp_bias")

    def document(self, config: Config) -> Document:
        """LLaMA's, with another norm."""
        return with_choices(
            super().document(config),
            norm={"kind": "layernorm", "eps": config.take("layer_norm_eps", default=1e-5)},
            residual="parallel" if config.take("use_parallel_residual", default=False) else "pre",
        )

    def attention(self, config: Config) -> dict[str, Any]:
        """Biases on queries, keys and values, or none; norms of each head, or none."""
        normalised = config.take("qk_layernorm", default=False)
        return {
            **super().attention(config),
            "bias": "qkv" if config.take("use_qkv_bias", default=False) else False,
            **({"qk_norm": "own"} if normalised else {}),
        }

    def templates(self, spec: Spec) -> Templates:
        """Of sublayers side by side, the only norm stands in front of attention."""
        attention = softmax_of(spec.choices)
        heads = {"q": ("query", attention.num_heads), "k": ("key", attention.kv_heads)}
        gains = {
            f"model.layers.{{i}}.self_attn.{released}_layernorm.norms.{head}.weight": (
                f"layers.{{i}}.mixer.{own}_norm.gains.{head}"
            )
            for released, (own, count) in heads.items()
            for head in range(count)
        }
        names = {**NAMES, **NORM_BIASES, **gains}
        if spec.choices.residual.kind != "parallel":
            return names
        return {name: own.replace("mixer_norm", "norm") for name, own in names.items()}


@families.register("stablelm_epoch")
class StableLMEpoch(StableLM, called="StableLM"):
    """StableLM 3B and the first StableLM 2, as their own code calls the fields."""

    source = ("stabilityai/stablelm-3b-4e1t, modeling_stablelm_epoch.py", "https://huggingface.co/stabilityai")

    def document(self, config: Config) -> Document:
        """The same under other names."""
        config.expect("rotary_scaling_factor", 1.0, 1)
        share, eps = config.take("rope_pct", default=0.25), config.take("norm_eps", default=1e-5)
        return super().document(config.with_fields(partial_rotary_factor=share, layer_norm_eps=eps))
