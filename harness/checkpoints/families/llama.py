"""LLaMA's layout, which many families share."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

from harness.checkpoints.config import Config
from harness.checkpoints.families import GATED, Document, Family, Fields, activation, dims, families, head
from harness.checkpoints.layout import Templates
from harness.checkpoints.rotary import rope
from harness.spec.model import Spec

NAMES: dict[str, str] = {
    "model.embed_tokens.weight": "embedding.table.weight",
    "model.layers.{i}.input_layernorm.weight": "layers.{i}.mixer_norm.weight",
    "model.layers.{i}.post_attention_layernorm.weight": "layers.{i}.mlp_norm.weight",
    **{
        f"model.layers.{{i}}.self_attn.{released}.{part}": f"layers.{{i}}.mixer.{own}.{part}"
        for released, own in (("q_proj", "query"), ("k_proj", "key"), ("v_proj", "value"), ("o_proj", "out"))
        for part in ("weight", "bias")
    },
    **{
        f"model.layers.{{i}}.mlp.{own}_proj.{part}": f"layers.{{i}}.mlp.{own}.{part}"
        for own in ("gate", "up", "down")
        for part in ("weight", "bias")
    },
    "model.norm.weight": "final_norm.0.weight",
    "lm_head.weight": "head.out.weight",
}

HEAD_NORMS = {
    f"model.layers.{{i}}.self_attn.{released}_norm.weight": f"layers.{{i}}.mixer.{own}_norm.weight"
    for released, own in (("q", "query"), ("k", "key"))
}
"""Norms of queries and keys, as most families that have them call them."""


@families.register("aquila")
@families.register("llama")
@families.register("xverse")
class Llama(Family, called="LLaMA"):
    """LLaMA, LLaMA 2, and what was released in their layout."""

    source = ("transformers, models/llama", "https://github.com/huggingface/transformers")

    ignored: ClassVar[tuple[str, ...]] = (".rotary_emb.inv_freq",)

    sizes: ClassVar[Fields] = {
        "vocab_size": 32000,
        "hidden_size": 4096,
        "intermediate_size": 11008,
        "num_hidden_layers": 32,
        "num_attention_heads": 32,
        "max_position_embeddings": 2048,
    }

    layout: ClassVar[str] = "half_split"
    """Which channels of a head make a rotary pair."""

    fraction: ClassVar[float | None] = None
    """The share of a head's channels that is rotated where the config does not say; None: all, whatever it says."""

    activations: ClassVar[Mapping[str, dict[str, str]]] = GATED

    absent: ClassVar[tuple[str, ...]] = ()
    """LLaMA's fields of biases that a family in this layout does not have."""

    def document(self, config: Config) -> Document:
        """Pre-RMSNorm, rotary positions, grouped queries, a gated MLP."""
        for name in self.absent:
            config.expect(name, False)
        return {
            "dims": dims(config, "num_hidden_layers", "hidden_size", "vocab_size", "max_position_embeddings"),
            "choices": {
                "norm": {"kind": "rmsnorm", "eps": config.take("rms_norm_eps", default=1e-6)},
                "residual": "pre",
                "position": rope(config, layout=self.layout, fraction=self.fraction),
                "mixer": self.attention(config),
                "pattern": "dense",
                "mlp": {
                    **activation(config, self.activations, "hidden_act", default="silu"),
                    "intermediate_size": config.take("intermediate_size"),
                    "bias": config.take("mlp_bias", default=False),
                },
                "head": head(config, tied=False),
                "objective": "causal_lm",
            },
        }

    def attention(self, config: Config) -> dict[str, Any]:
        """Heads and biases."""
        heads = config.take("num_attention_heads")
        return {
            "kind": "softmax",
            "num_heads": heads,
            "num_kv_heads": config.take("num_key_value_heads", default=heads),
            "head_dim": config.take("head_dim", default=None),
            "bias": config.take("attention_bias", default=False),
        }

    def templates(self, spec: Spec) -> Templates:
        """As transformers names them."""
        return NAMES


@families.register("Yi")
class Yi(Llama, called="Yi"):
    """The first releases of Yi, in the layout of their own code."""

    source = ("01-ai/Yi-6B, modeling_yi.py", "https://huggingface.co/01-ai/Yi-6B")

    def templates(self, spec: Spec) -> Templates:
        """LLaMA's, with other words for the norms."""
        renamed = {"input_layernorm": "ln1", "post_attention_layernorm": "ln2"}
        names = NAMES.items()
        for theirs, here in renamed.items():
            names = {name.replace(f".{theirs}.", f".{here}."): own for name, own in names}.items()
        return dict(names)
