"""Cohere's Command R: parallel sublayers behind one LayerNorm without a bias, scaled logits."""

from __future__ import annotations

from typing import ClassVar

from harness.checkpoints.config import Config
from harness.checkpoints.families import Document, Fields, families, with_choices
from harness.checkpoints.families.llama import NAMES, Llama
from harness.checkpoints.layout import Templates
from harness.spec.model import Spec


@families.register("cohere")
class Cohere(Llama, called="Cohere"):
    """Command R and Aya. Command R+ normalises each head with gains of its own, which no spec expresses."""

    source = ("transformers, models/cohere", "https://github.com/huggingface/transformers")

    defaults: ClassVar[Fields] = {"rope_theta": 500000.0, "tie_word_embeddings": True}
    layout = "interleaved"
    absent = ("mlp_bias",)

    def document(self, config: Config) -> Document:
        """LLaMA's, with other norms and wiring."""
        config.expect("use_qk_norm", False)
        document = super().document(config)
        return with_choices(
            document,
            norm={"kind": "layernorm", "eps": config.take("layer_norm_eps", default=1e-5), "bias": False},
            residual="parallel",
            head={**document["choices"]["head"], "scale": config.take("logit_scale", default=0.0625)},
        )

    def templates(self, spec: Spec) -> Templates:
        """One norm a block."""
        return {**NAMES, "model.layers.{i}.input_layernorm.weight": "layers.{i}.norm.weight"}
