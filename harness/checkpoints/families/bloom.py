"""BLOOM."""

from __future__ import annotations

from harness.checkpoints.config import Config
from harness.checkpoints.families import Document, Family, dims, families, head
from harness.checkpoints.layout import ByHead, Form, Templates
from harness.choices.mixers.softmax import softmax_of
from harness.spec.model import Spec

MODULES = {
    "input_layernorm": "mixer_norm",
    "self_attention.dense": "mixer.out",
    "post_attention_layernorm": "mlp_norm",
    "mlp.dense_h_to_4h": "mlp.up",
    "mlp.dense_4h_to_h": "mlp.down",
}

Target = str | tuple[tuple[str, ...], Form]


def bloom_templates(spec: Spec, modules: dict[str, str]) -> dict[str, Target]:
    """Everything but norms that the modules do not name; queries, keys and values head by head."""
    attention = softmax_of(spec.choices)
    form = ByHead(attention.kv_heads, attention.num_heads // attention.kv_heads)
    templates: dict[str, Target] = {
        "transformer.word_embeddings.weight": "embedding.table.weight",
        "lm_head.weight": "head.out.weight",
    }
    for part in ("weight", "bias"):
        for released, own in modules.items():
            templates[f"transformer.h.{{i}}.{released}.{part}"] = f"layers.{{i}}.{own}.{part}"
        fused = (f"layers.{{i}}.mixer.qkv.{part}",)
        templates[f"transformer.h.{{i}}.self_attention.query_key_value.{part}"] = (fused, form)
        templates[f"transformer.ln_f.{part}"] = f"final_norm.0.{part}"
    return templates


@families.register("bloom")
class Bloom(Family, called="BLOOM"):
    """Linear biases, a norm behind the table, a bias everywhere but on the head."""

    source = ("transformers, models/bloom", "https://github.com/huggingface/transformers")

    def document(self, config: Config) -> Document:
        """No field limits the length; 2048 is that of the training where `seq_length` does not say."""
        config.expect("apply_residual_connection_post_layernorm", False)
        config.expect("n_inner")
        for rounding in ("attention_softmax_in_fp32", "slow_but_exact"):
            config.ignore(rounding)
        for left in ("masked_softmax_fusion", "offset_alibi", "skip_bias_add", "skip_bias_add_qkv"):
            config.ignore(left)
        config = config.with_fields(
            hidden_size=config.take("hidden_size", "n_embed"), seq_length=config.take("seq_length", default=2048)
        )
        sizes = dims(config, "n_layer", "hidden_size", "vocab_size", "seq_length")
        return {
            "dims": sizes,
            "choices": {
                "embedding": {"kind": "table", "norm": True},
                "norm": {"kind": "layernorm", "eps": config.take("layer_norm_epsilon", default=1e-5)},
                "residual": "pre",
                "position": "alibi",
                "mixer": {
                    "kind": "softmax",
                    "num_heads": config.take("n_head", "num_attention_heads"),
                    "bias": True,
                },
                "pattern": "dense",
                "mlp": {
                    "kind": "gelu",
                    "approximate": "tanh",
                    "intermediate_size": 4 * sizes["hidden_size"],
                    "bias": True,
                },
                "head": head(config, tied=True),
                "objective": "causal_lm",
            },
        }

    def templates(self, spec: Spec) -> Templates:
        """As transformers names them."""
        norm = {
            f"transformer.word_embeddings_layernorm.{part}": f"embedding.norm.{part}" for part in ("weight", "bias")
        }
        return {**bloom_templates(spec, MODULES), **norm}
