"""Hunyuan, the dense models: LLaMA's layout with queries and keys normalised after they are rotated."""

from __future__ import annotations

from typing import Any, ClassVar

from harness.checkpoints.config import Config
from harness.checkpoints.families import Document, Fields, families
from harness.checkpoints.families.llama import NAMES, Llama
from harness.checkpoints.layout import Templates
from harness.checkpoints.rotary import READ_BY_SOME, kind_of, parameters_of
from harness.spec.model import Spec


@families.register("hunyuan_v1_dense")
class HunyuanDense(Llama, called="Hunyuan"):
    """What its configs call dynamic scaling is, with an `alpha`, another base: theta alpha^(C / (C - 2))."""

    source = ("transformers, models/hunyuan_v1_dense", "https://github.com/huggingface/transformers")

    defaults: ClassVar[Fields] = {"rms_norm_eps": 1e-5}
    absent = ("mlp_bias",)

    def document(self, config: Config) -> Document:
        """LLaMA's, with the base that `alpha` makes."""
        config.ignore("dense_list")  # of a head for another task
        config.expect("use_qk_norm", True)
        scaling = parameters_of(config)
        scaling.ignore(*READ_BY_SOME)
        alpha = scaling.take("alpha", default=None, of=float)
        if kind_of(scaling) == "dynamic" and alpha:
            size, heads = config.take("hidden_size"), config.take("num_attention_heads")
            channels = config.take("head_dim", default=size // heads)
            theta = scaling.take("rope_theta", default=config.take("rope_theta", default=10000.0), of=float)
            stretched = theta * alpha ** (channels / (channels - 2))
            config = config.with_parts(rope_parameters={"rope_theta": stretched}, rope_scaling={})
        return super().document(config)

    def attention(self, config: Config) -> dict[str, Any]:
        """Each head of the queries and keys normalised."""
        return {**super().attention(config), "qk_norm": "rotated"}

    def templates(self, spec: Spec) -> Templates:
        """LLaMA's, with the norms."""
        norms = {
            f"model.layers.{{i}}.self_attn.{name}_layernorm.weight": f"layers.{{i}}.mixer.{name}_norm.weight"
            for name in ("query", "key")
        }
        return {**NAMES, **norms}
