"""StableLM: LLaMA's layout with LayerNorm."""

from __future__ import annotations

from typing import Any

from harness.checkpoints.config import Config
from harness.checkpoints.families import Document, families, with_choices
from harness.checkpoints.families.llama import NAMES, Llama
from harness.checkpoints.layout import Templates
from harness.spec.model import Spec

NORM_BIASES = {
    name.replace("weight", "bias"): own.replace("weight", "bias") for name, own in NAMES.items() if "norm" in name
}


@families.register("stablelm")
class StableLM(Llama, called="StableLM"):
    """A quarter of each head rotates; StableLM 2 12B has its sublayers side by side.

    Its norms of queries and keys, with gains for every head, are refused.
    """

    source = ("transformers, models/stablelm", "https://github.com/huggingface/transformers")

    fraction = 0.25
    absent = ("qk_layernorm", "attention_bias", "mlp_bias")

    def document(self, config: Config) -> Document:
        """LLaMA's, with another norm."""
        return with_choices(
            super().document(config),
            norm={"kind": "layernorm", "eps": config.take("layer_norm_eps", default=1e-5)},
            residual="parallel" if config.take("use_parallel_residual", default=False) else "pre",
        )

    def attention(self, config: Config) -> dict[str, Any]:
        """Biases on queries, keys and values, or none."""
        return {**super().attention(config), "bias": "qkv" if config.take("use_qkv_bias", default=False) else False}

    def templates(self, spec: Spec) -> Templates:
        """Of sublayers side by side, the only norm stands in front of attention."""
        names = {**NAMES, **NORM_BIASES}
        if spec.choices.residual.kind != "parallel":
            return names
        return {name: own.replace("attention_norm", "norm") for name, own in names.items()}
