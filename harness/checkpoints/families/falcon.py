"""Falcon."""

from __future__ import annotations

from typing import Any

from harness.checkpoints.config import Config
from harness.checkpoints.families import PLAIN, Document, Family, activation, dims, families, head
from harness.checkpoints.families.bloom import MODULES, bloom_templates
from harness.checkpoints.layout import Templates
from harness.checkpoints.rotary import rope
from harness.spec.model import Spec


@families.register("falcon")
class Falcon(Family, called="Falcon"):
    """Sublayers side by side behind one norm (7B) or two (40B), or one after the other (RW); LayerNorm, rotary.

    The linear biases of Falcon-RW are rounded to bfloat16, whatever the model computes in, and scaled with the scores.
    """

    source = ("transformers, models/falcon", "https://github.com/huggingface/transformers")

    ignored = (".rotary_emb.inv_freq",)

    def document(self, config: Config) -> Document:
        """Of the fields for keys and values, the new architecture reads `num_kv_heads`, the others `multi_query`."""
        if config.take("alibi", default=False):
            position: dict[str, Any] = {"kind": "alibi", "scaled_scores": True, "rounded": "bfloat16"}
            config.ignore("rope_theta", "rope_parameters", "rope_scaling")
        else:
            position = rope(config)
        config.expect("apply_residual_connection_post_layernorm", False)
        length = config.take("max_position_embeddings", default=2048)
        hidden = config.take("hidden_size", "n_embed")
        config = config.with_fields(hidden_size=hidden, max_position_embeddings=length)
        bias = config.take("bias", default=False)
        config.expect("ff_factor", config.take("ffn_hidden_size", default=4 * hidden) // hidden)
        return {
            "dims": dims(config, "num_hidden_layers", "hidden_size", "vocab_size", "max_position_embeddings"),
            "choices": {
                "norm": {"kind": "layernorm", "eps": config.take("layer_norm_epsilon", default=1e-5)},
                "residual": _residual(config),
                "position": position,
                "mixer": {**_heads(config), "bias": bias},
                "pattern": "dense",
                "mlp": {
                    **activation(config, PLAIN, "activation", default="gelu"),
                    "intermediate_size": config.take("ffn_hidden_size", default=4 * hidden),
                    "bias": bias,
                },
                "head": head(config, tied=True),
                "objective": "causal_lm",
            },
        }

    def templates(self, spec: Spec) -> Templates:
        """A norm is named by what stands behind it."""
        names = {
            "parallel": {"input_layernorm": "norm"},
            "parallel_two_norms": {"ln_attn": "mixer_norm", "ln_mlp": "mlp_norm"},
            "pre": {"input_layernorm": "mixer_norm", "post_attention_layernorm": "mlp_norm"},
        }
        linears = {released: own for released, own in MODULES.items() if not own.endswith("norm")}
        return bloom_templates(spec, {**linears, **names[spec.choices.residual.kind]})


def _residual(config: Config) -> str:
    new = config.take("new_decoder_architecture", default=False)
    norms = config.take("num_ln_in_parallel_attn", default=2 if new else 1)
    if not config.take("parallel_attn", default=True):
        config.expect("new_decoder_architecture", False)
        return "pre"
    if norms not in ((1, 2) if new else (1,)):
        config.refuse("num_ln_in_parallel_attn", norms)
    return "parallel_two_norms" if norms == 2 else "parallel"


def _heads(config: Config) -> dict[str, Any]:
    heads = config.take("num_attention_heads")
    shared = config.take("num_kv_heads", default=heads)
    if config.take("new_decoder_architecture", default=False):
        config.ignore("multi_query")
        return {"kind": "softmax", "num_heads": heads, "num_kv_heads": shared}
    if config.take("multi_query", default=True):
        return {"kind": "softmax", "num_heads": heads, "num_kv_heads": 1}
    config.expect("num_kv_heads", heads)
    return {"kind": "softmax", "num_heads": heads}


@families.register("RefinedWeb")
@families.register("RefinedWebModel")
class RefinedWeb(Falcon, called="Falcon"):
    """Falcon 7B, 40B and RW as their own code calls the fields; 40B has two norms and several key-value heads."""

    source = ("tiiuae/falcon-7b and falcon-40b, modelling_RW.py", "https://huggingface.co/tiiuae/falcon-7b")

    def document(self, config: Config) -> Document:
        """The same under other names."""
        layers, heads = config.take("n_layer"), config.take("n_head")
        shared = config.take("n_head_kv", default=None)
        config.expect("parallel_attn", True, False)
        renamed = {"num_hidden_layers": layers, "num_attention_heads": heads}
        if shared is not None:
            renamed |= {"num_kv_heads": shared, "new_decoder_architecture": True}
        return super().document(config.with_fields(**renamed))
