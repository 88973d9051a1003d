"""StarCoder 2: LLaMA's layout with LayerNorm and a plain MLP."""

from __future__ import annotations

from typing import Any, ClassVar

from harness.checkpoints.config import Config
from harness.checkpoints.families import PLAIN, Document, families, with_choices
from harness.checkpoints.families.llama import NAMES, Llama
from harness.checkpoints.families.stablelm import NORM_BIASES
from harness.checkpoints.layout import Templates
from harness.spec.model import Spec


@families.register("starcoder2")
class StarCoder2(Llama, called="StarCoder"):
    """Biases everywhere but on the head, or nowhere; every layer may see a window."""

    source = ("transformers, models/starcoder2", "https://github.com/huggingface/transformers")

    defaults: ClassVar[dict[str, Any]] = {"hidden_act": "gelu_pytorch_tanh", "tie_word_embeddings": True}

    activations = PLAIN

    absent = ("attention_bias", "mlp_bias")

    def document(self, config: Config) -> Document:
        """LLaMA's, with the biases of `use_bias`."""
        config.expect("norm_type", "layer_norm")
        config.expect("mlp_type", "default")
        config.expect("scale_attn_weights", True)
        for name in ("attention_softmax_in_fp32", "scale_attention_softmax_in_fp32"):
            config.ignore(name)
        # `hidden_act` is what counts of the two.
        config.ignore("activation_function")
        eps = config.take("norm_epsilon", default=1e-5)
        config.expect("layer_norm_epsilon", eps)
        document = super().document(config)
        window = config.take("sliding_window", default=None)
        return with_choices(
            document,
            norm={"kind": "layernorm", "eps": eps},
            pattern={"kind": "banded", "window": window} if window else "dense",
            mlp={**document["choices"]["mlp"], "bias": config.take("use_bias", default=True)},
        )

    def attention(self, config: Config) -> dict[str, Any]:
        """Biases on all four matrices, or none."""
        return {**super().attention(config), "bias": config.take("use_bias", default=True)}

    def templates(self, spec: Spec) -> Templates:
        """The MLP's matrices are called c_fc and c_proj."""
        mlp = {
            f"model.layers.{{i}}.mlp.{released}.{part}": f"layers.{{i}}.mlp.{own}.{part}"
            for released, own in (("c_fc", "up"), ("c_proj", "down"))
            for part in ("weight", "bias")
        }
        return {**{name: own for name, own in NAMES.items() if ".mlp." not in name}, **NORM_BIASES, **mlp}
