"""LFM2: gated short convolutions in most layers, and attention."""

from __future__ import annotations

from typing import Any, ClassVar

from harness.checkpoints.config import Config
from harness.checkpoints.families import Document, Fields, families
from harness.checkpoints.families.llama import NAMES, Llama
from harness.checkpoints.layout import Templates
from harness.checkpoints.recurrent import ATTENTION, Names, Taps, in_kinds, in_layers_of
from harness.spec.model import Spec

CONVOLUTION = "conv"
RENAMED = {
    "mlp.gate_proj": "feed_forward.w1",
    "mlp.up_proj": "feed_forward.w3",
    "mlp.down_proj": "feed_forward.w2",
    "input_layernorm": "operator_norm",
    "post_attention_layernorm": "ffn_norm",
    "model.norm": "model.embedding_norm",
    "self_attn.o_proj": "self_attn.out_proj",
}


@families.register("lfm2")
class LFM2(Llama, called="LFM"):
    """LFM2 350M, 700M, 1.2B and 2.6B."""

    source = ("transformers, models/lfm2", "https://github.com/huggingface/transformers")

    defaults: ClassVar[Fields] = {"num_key_value_heads": 8, "rope_theta": 1e6, "norm_eps": 1e-5}
    sizes: ClassVar[Fields] = {}
    absent = ("attention_bias", "mlp_bias")

    def document(self, config: Config) -> Document:
        """LLaMA's, with the width of the MLP as the release derives it, and the mixer of the other layers."""
        config.ignore("conv_dim", "conv_dim_out", "block_dim", "block_mlp_init_scale", "block_out_init_scale")
        config.ignore("conv_use_xavier_init", "block_use_xavier_init", "block_norm_eps", "num_heads")
        config.expect("block_use_swiglu", True)
        config.expect("use_pos_enc", True)
        tied = config.take("tie_embedding", default=config.take("tie_word_embeddings", default=True))
        config = config.with_fields(
            intermediate_size=_width(config), rms_norm_eps=config.take("norm_eps", of=float), tie_word_embeddings=tied
        )
        document = super().document(config)
        count = document["dims"]["num_layers"]
        chosen = config.take("full_attn_idxs", default=list(range(count)))
        assumed = [ATTENTION if layer in chosen else CONVOLUTION for layer in range(count)]
        kinds = config.take("layer_types", default=assumed)
        if set(kinds) - {ATTENTION, CONVOLUTION} or len(kinds) != count:
            config.refuse("layer_types", kinds, f"expected {count} of {ATTENTION} and {CONVOLUTION}")
        taps, bias = config.take("conv_L_cache", default=3), config.take("conv_bias", default=False)
        mixer = {"kind": "short_convolution", "taps": taps, "bias": bias}
        return in_kinds(document, kinds, {ATTENTION: {}, CONVOLUTION: {"mixer": mixer}})

    def attention(self, config: Config) -> dict[str, Any]:
        """Each head of the queries and keys normalised."""
        return {**super().attention(config), "qk_norm": "head"}

    def templates(self, spec: Spec) -> Templates:
        """LLaMA's in other words, and the convolutions'."""
        names = dict(NAMES)
        for ours, theirs in RENAMED.items():
            names = {name.replace(ours, theirs): own for name, own in names.items()}
        layer, inner = "model.layers.{i}.", "layers.{i}.mixer."
        for released, own in (("q", "query"), ("k", "key")):
            names[f"{layer}self_attn.{released}_layernorm.weight"] = f"{inner}{own}_norm.weight"
        convolution: Names = {f"{layer}conv.conv.weight": ((f"{inner}convolution.weight",), Taps())}
        convolution[f"{layer}conv.conv.bias"] = f"{inner}convolution.bias"
        for part in ("weight", "bias"):
            convolution[f"{layer}conv.in_proj.{part}"] = f"{inner}into.{part}"
            convolution[f"{layer}conv.out_proj.{part}"] = f"{inner}out.{part}"
        return {**names, **in_layers_of(spec, "short_convolution", convolution)}


def _width(config: Config) -> int:
    """Of the MLP: two thirds of what is stated, times a factor, up to the next multiple."""
    width: int = config.take("block_ff_dim", "intermediate_size")
    factor = config.take("block_ffn_dim_multiplier", default=1.0, of=float)
    multiple: int = config.take("block_multiple_of", default=256)
    if not config.take("block_auto_adjust_ff_dim", default=True):
        return width
    narrower = int(factor * int(2 * width / 3))
    return -(-narrower // multiple) * multiple
