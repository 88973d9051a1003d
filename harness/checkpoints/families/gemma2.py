"""Gemma 2: norms on both sides of the sublayers, capped scores and logits, windows on every other layer."""

from __future__ import annotations

from typing import Any, ClassVar

from harness.checkpoints.config import Config
from harness.checkpoints.families import Document, Fields, families, with_choices, with_windows
from harness.checkpoints.families.gemma import one_plus
from harness.checkpoints.families.llama import NAMES, Llama
from harness.checkpoints.layout import Templates
from harness.spec.model import Spec

SANDWICH = {
    **NAMES,
    "model.layers.{i}.post_attention_layernorm.weight": "layers.{i}.mixer_out_norm.weight",
    "model.layers.{i}.pre_feedforward_layernorm.weight": "layers.{i}.mlp_norm.weight",
    "model.layers.{i}.post_feedforward_layernorm.weight": "layers.{i}.mlp_out_norm.weight",
}


@families.register("gemma2")
class Gemma2(Llama, called="Gemma"):
    """Gemma 2. `sliding_window_size` is what the first configs call the window."""

    source = ("transformers, models/gemma2", "https://github.com/huggingface/transformers")

    defaults: ClassVar[Fields] = {
        "head_dim": 256,
        "num_key_value_heads": 4,
        "tie_word_embeddings": True,
        "hidden_activation": "gelu_pytorch_tanh",
        "query_pre_attn_scalar": 256,
        "sliding_window": 4096,
        "final_logit_softcapping": 30.0,
        "attn_logit_softcapping": 50.0,
    }
    absent = ("mlp_bias",)

    residual: ClassVar[str] = "sandwich"

    def document(self, config: Config) -> Document:
        """LLaMA's, with what the activation is called here."""
        config.expect("use_bidirectional_attention", False)
        config.expect("cache_implementation", "hybrid")
        config.ignore("hidden_act")
        document = super().document(config.with_fields(hidden_act=config.take("hidden_activation", of=str)))
        softcap = config.take("final_logit_softcapping", default=None, of=float)
        document = with_choices(
            document,
            residual=self.residual,
            embedding={"kind": "table", "scale": "sqrt(D)"},
            head={**document["choices"]["head"], "softcap": softcap},
        )
        period = self.period(config)
        layers = range(1, document["dims"]["num_layers"] + 1)
        assumed = ["sliding_attention" if layer % period else "full_attention" for layer in layers]
        return with_windows(document, config, assumed)

    def period(self, config: Config) -> int:
        """Every so manieth layer sees everything, where the config does not say which."""
        return 2

    def attention(self, config: Config) -> dict[str, Any]:
        """Scores are scaled by what the config says, then capped."""
        scalar = config.take("query_pre_attn_scalar", of=float)
        if scalar <= 0:
            config.refuse("query_pre_attn_scalar", scalar, "expected a number above 0")
        softcap = config.take("attn_logit_softcapping", default=None, of=float)
        return {**super().attention(config), "scale": scalar**-0.5, "softcap": softcap}

    def templates(self, spec: Spec) -> Templates:
        """The norm in front of the MLP is not that which LLaMA calls so."""
        return one_plus(SANDWICH)
