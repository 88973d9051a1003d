"""Persimmon."""

from __future__ import annotations

from harness.checkpoints.config import Config
from harness.checkpoints.families import PLAIN, Document, Family, activation, dims, families, head
from harness.checkpoints.layout import ByHead, Form, Templates
from harness.checkpoints.rotary import rope
from harness.choices.mixers.softmax import softmax_of
from harness.spec.model import Spec

MODULES = {
    "input_layernorm": "mixer_norm",
    "self_attn.q_layernorm": "mixer.query_norm",
    "self_attn.k_layernorm": "mixer.key_norm",
    "self_attn.dense": "mixer.out",
    "post_attention_layernorm": "mlp_norm",
    "mlp.dense_h_to_4h": "mlp.up",
    "mlp.dense_4h_to_h": "mlp.down",
}


@families.register("persimmon")
class Persimmon(Family, called="Persimmon"):
    """Queries and keys normalised head by head; squared ReLU; half of each head rotates."""

    source = ("transformers, models/persimmon", "https://github.com/huggingface/transformers")

    ignored = (".rotary_emb.inv_freq",)

    def document(self, config: Config) -> Document:
        """Biases everywhere but on the head."""
        heads = config.take("num_attention_heads")
        config.expect("num_key_value_heads", heads)
        return {
            "dims": dims(config, "num_hidden_layers", "hidden_size", "vocab_size", "max_position_embeddings"),
            "choices": {
                "norm": {"kind": "layernorm", "eps": config.take("layer_norm_eps", default=1e-5)},
                "residual": "pre",
                "position": rope(config, fraction=0.5),
                "mixer": {
                    "kind": "softmax",
                    "num_heads": heads,
                    "bias": True,
                    "qk_norm": "head" if config.take("qk_layernorm", default=True) else None,
                },
                "pattern": "dense",
                "mlp": {
                    **activation(config, PLAIN, "hidden_act", default="relu2"),
                    "intermediate_size": config.take("intermediate_size"),
                    "bias": True,
                },
                "head": head(config, tied=False),
                "objective": "causal_lm",
            },
        }

    def templates(self, spec: Spec) -> Templates:
        """Queries, keys and values head by head."""
        templates: dict[str, str | tuple[tuple[str, ...], Form]] = {
            "model.embed_tokens.weight": "embedding.table.weight",
            "lm_head.weight": "head.out.weight",
        }
        for part in ("weight", "bias"):
            for released, own in MODULES.items():
                templates[f"model.layers.{{i}}.{released}.{part}"] = f"layers.{{i}}.{own}.{part}"
            fused = (f"layers.{{i}}.mixer.qkv.{part}",)
            templates[f"model.layers.{{i}}.self_attn.query_key_value.{part}"] = (
                fused,
                ByHead(softmax_of(spec.choices).num_heads),
            )
            templates[f"model.final_layernorm.{part}"] = f"final_norm.0.{part}"
        return templates
