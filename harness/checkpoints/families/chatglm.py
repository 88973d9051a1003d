"""ChatGLM: two architectures under one `model_type`, the first generation, and the second with the third."""

from __future__ import annotations

from typing import Any

from harness.checkpoints.config import Config
from harness.checkpoints.families import Document, Family, dims, families, head
from harness.checkpoints.layout import ByHead, Form, Stacked, Templates
from harness.choices.mixers.softmax import softmax_of
from harness.spec.model import Spec

RELEASED_LAYERS = 28
"""The first generation's code weighs the residual stream by (2 x 28)^(1/2) whatever `num_layers` says."""


@families.register("chatglm")
class ChatGLM(Family, called="GLM"):
    """The first generation's configs have `inner_hidden_size`, the others `ffn_hidden_size`."""

    source = ("THUDM/chatglm-6b and chatglm3-6b, modeling_chatglm.py", "https://huggingface.co/THUDM/chatglm-6b")

    ignored = ("rotary_emb.inv_freq", "rotary_pos_emb.inv_freq")

    def document(self, config: Config) -> Document:
        """That of the generation."""
        config.expect("pre_seq_len")
        config.expect("prefix_projection", False)
        return _second(config) if config.take("ffn_hidden_size", default=None) else _first(config)

    def templates(self, spec: Spec) -> Templates:
        """Those of the generation, which its residual tells."""
        return _first_templates(spec) if spec.choices.embedding.norms else SECOND


def _first(config: Config) -> Document:
    config.expect("position_encoding_2d", True)
    sizes = dims(config, "num_layers", "hidden_size", "vocab_size", "max_sequence_length")
    masks = [config.take("gmask_token_id", default=150001), config.take("mask_token_id", default=150000)]
    alpha: Any = "(2L)^(1/2)" if sizes["num_layers"] == RELEASED_LAYERS else (2 * RELEASED_LAYERS) ** 0.5
    return {
        "dims": sizes,
        "choices": {
            "embedding": {"kind": "table", "norm": True},
            "norm": {"kind": "layernorm", "eps": config.take("layernorm_epsilon", of=float)},
            "residual": {"kind": "deepnorm", "alpha": alpha},
            "position": {"kind": "rope_2d", "theta": 10000.0},
            "mixer": {
                "kind": "softmax",
                "num_heads": config.take("num_attention_heads"),
                "bias": True,
            },
            "pattern": "prefix",
            "mlp": {
                "kind": "gelu",
                "approximate": "tanh",
                "intermediate_size": config.take("inner_hidden_size"),
                "bias": True,
            },
            "head": head(config, tied=True),
            "objective": "blank_infilling",
        },
        "context_tokens": {"masks": masks, "start": config.take("bos_token_id", default=150004)},
    }


def _second(config: Config) -> Document:
    config.expect("add_bias_linear", False)
    config.expect("rmsnorm", True)
    config.expect("post_layer_norm", True)
    config.expect("apply_residual_connection_post_layernorm", False)
    config.expect("original_rope", True)
    ratio = config.take("rope_ratio", default=1.0)
    config.expect("interleaved_qkv", False)
    config.ignore("classifier_dropout")
    for rounding in ("apply_query_key_layer_scaling", "attention_softmax_in_fp32", "fp32_residual_connection"):
        config.ignore(rounding)
    heads = config.take("num_attention_heads")
    shared = config.take("multi_query_attention", default=False)
    groups = config.take("multi_query_group_num", default=1)
    return {
        "dims": dims(config, "num_layers", "hidden_size", "padded_vocab_size", "seq_length"),
        "choices": {
            "norm": {"kind": "rmsnorm", "eps": config.take("layernorm_epsilon", of=float)},
            "residual": "pre",
            "position": {"kind": "rope", "theta": 10000.0 * ratio, "fraction": 0.5, "layout": "interleaved"},
            "mixer": {
                "kind": "softmax",
                "num_heads": heads,
                "num_kv_heads": groups if shared else heads,
                "head_dim": config.take("kv_channels", default=None),
                "bias": "qkv" if config.take("add_qkv_bias", default=False) else False,
            },
            "pattern": "dense",
            "mlp": {"kind": "swiglu", "intermediate_size": config.take("ffn_hidden_size"), "bias": False},
            "head": head(config, tied=False),
            "objective": "causal_lm",
        },
    }


def _first_templates(spec: Spec) -> Templates:
    """What the release calls the norm in front of a layer stands behind the MLP below, or behind the embedding."""
    layers = range(spec.dims.num_layers)
    in_front = [f"transformer.layers.{index}.input_layernorm" for index in layers] + ["transformer.final_layernorm"]
    norms = ["embedding.norm", *(f"layers.{index}.mlp_norm" for index in layers)]
    templates: dict[str, str | tuple[tuple[str, ...], Form]] = {
        "transformer.word_embeddings.weight": "embedding.table.weight",
        "lm_head.weight": "head.out.weight",
    }
    linears = {"attention.dense": "mixer.out", "mlp.dense_h_to_4h": "mlp.up", "mlp.dense_4h_to_h": "mlp.down"}
    for part in ("weight", "bias"):
        layer = "transformer.layers.{i}."
        templates |= {f"{layer}{released}.{part}": f"layers.{{i}}.{own}.{part}" for released, own in linears.items()}
        fused = (f"layers.{{i}}.mixer.qkv.{part}",)
        templates[f"{layer}attention.query_key_value.{part}"] = (fused, ByHead(softmax_of(spec.choices).num_heads))
        templates[f"{layer}post_attention_layernorm.{part}"] = f"layers.{{i}}.mixer_norm.{part}"
        templates |= {f"{released}.{part}": f"{own}.{part}" for released, own in zip(in_front, norms, strict=True)}
    return templates


SECOND: Templates = {
    "transformer.embedding.word_embeddings.weight": "embedding.table.weight",
    "transformer.encoder.layers.{i}.input_layernorm.weight": "layers.{i}.mixer_norm.weight",
    "transformer.encoder.layers.{i}.self_attention.query_key_value.weight": "layers.{i}.mixer.qkv.weight",
    "transformer.encoder.layers.{i}.self_attention.query_key_value.bias": "layers.{i}.mixer.qkv.bias",
    "transformer.encoder.layers.{i}.self_attention.dense.weight": "layers.{i}.mixer.out.weight",
    "transformer.encoder.layers.{i}.post_attention_layernorm.weight": "layers.{i}.mlp_norm.weight",
    "transformer.encoder.layers.{i}.mlp.dense_h_to_4h.weight": (
        ("layers.{i}.mlp.gate.weight", "layers.{i}.mlp.up.weight"),
        Stacked(),
    ),
    "transformer.encoder.layers.{i}.mlp.dense_4h_to_h.weight": "layers.{i}.mlp.down.weight",
    "transformer.encoder.final_layernorm.weight": "final_norm.0.weight",
    "transformer.output_layer.weight": "head.out.weight",
}
