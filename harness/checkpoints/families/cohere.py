"""Cohere's Command R: parallel sublayers behind one LayerNorm without a bias, scaled logits."""

from __future__ import annotations

from typing import Any, ClassVar

from harness.checkpoints.config import Config
from harness.checkpoints.families import Document, Fields, families, with_choices
from harness.checkpoints.families.llama import NAMES, Llama
from harness.checkpoints.layout import Rows, Templates
from harness.choices.mixers.softmax import softmax_of
from harness.spec.model import Spec


@families.register("cohere")
class Cohere(Llama, called="Cohere"):
    """Command R and Aya; Command R+ normalises each head of queries and keys, with gains of its own."""

    source = ("transformers, models/cohere", "https://github.com/huggingface/transformers")

    defaults: ClassVar[Fields] = {"rope_theta": 500000.0, "tie_word_embeddings": True}
    layout = "interleaved"
    absent = ("mlp_bias",)

    def document(self, config: Config) -> Document:
        """LLaMA's, with other norms and wiring."""
        document = super().document(config)
        return with_choices(
            document,
            norm={"kind": "layernorm", "eps": config.take("layer_norm_eps", default=1e-5), "bias": False},
            residual="parallel",
            head={**document["choices"]["head"], "scale": config.take("logit_scale", default=0.0625)},
        )

    def attention(self, config: Config) -> dict[str, Any]:
        """LLaMA's, normalised where `use_qk_norm` is set."""
        normalised = config.take("use_qk_norm", default=False)
        return {**super().attention(config), **({"qk_norm": "own"} if normalised else {})}

    def templates(self, spec: Spec) -> Templates:
        """One norm a block, and the gains of all heads in one matrix."""
        attention = softmax_of(spec.choices)
        heads = {"q": ("query", attention.num_heads), "k": ("key", attention.kv_heads)}
        gains: Templates = {
            f"model.layers.{{i}}.self_attn.{released}_norm.weight": (
                tuple(f"layers.{{i}}.mixer.{own}_norm.gains.{head}" for head in range(count)),
                Rows(),
            )
            for released, (own, count) in heads.items()
        }
        return {**NAMES, **gains, "model.layers.{i}.input_layernorm.weight": "layers.{i}.norm.weight"}
