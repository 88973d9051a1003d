"""Gemma 3 without its eyes: Gemma 2 with normalised queries and keys, and two rotary bases."""

from __future__ import annotations

from typing import Any, ClassVar

from harness.checkpoints.config import Config
from harness.checkpoints.families import Document, Fields, families, in_blocks, with_choices
from harness.checkpoints.families.gemma import one_plus
from harness.checkpoints.families.gemma2 import SANDWICH, Gemma2
from harness.checkpoints.families.llama import HEAD_NORMS
from harness.checkpoints.layout import Templates
from harness.checkpoints.rotary import kind_of, rotary
from harness.spec.model import Spec


@families.register("gemma3_text")
class Gemma3Text(Gemma2, called="Gemma"):
    """Layers with a window have the local base, the others the global one, whose positions may be scaled."""

    source = ("transformers, models/gemma3", "https://github.com/huggingface/transformers")

    defaults: ClassVar[Fields] = {**Gemma2.defaults, "final_logit_softcapping": None, "attn_logit_softcapping": None}

    sizes: ClassVar[Fields] = {
        "vocab_size": 262208,
        "hidden_size": 2304,
        "intermediate_size": 9216,
        "num_hidden_layers": 26,
        "num_attention_heads": 8,
        "max_position_embeddings": 131072,
    }

    def document(self, config: Config) -> Document:
        """Gemma 2's, with a base for each kind of layer."""
        config.expect("attn_logit_softcapping")
        local, everywhere = rotary_by_kind(
            config, local=config.take("rope_local_base_freq", default=1e4), everywhere=1e6
        )
        document = super().document(config.with_parts(rope_parameters={}, rope_scaling={}))
        return in_blocks(with_choices(document, position=local), "position", full=everywhere)

    def period(self, config: Config) -> int:
        """What is saved with an underscore is what was read without."""
        config.ignore("_sliding_window_pattern")
        period: int = config.take("sliding_window_pattern", default=6)
        return period

    def attention(self, config: Config) -> dict[str, Any]:
        """Each head of the queries and keys normalised."""
        return {**super().attention(config), "qk_norm": "head"}

    def templates(self, spec: Spec) -> Templates:
        """Gemma 2's, with those norms."""
        return one_plus({**SANDWICH, **HEAD_NORMS})


def rotary_by_kind(config: Config, *, local: float, everywhere: float) -> tuple[dict[str, Any], dict[str, Any]]:
    """Rotary positions of layers with a window and of those without.

    Before transformers 5 the bases are fields of their own, and the scaling is that of the layers without a window.
    """
    given, scaling = config.mapping("rope_parameters"), config.mapping("rope_scaling")
    base = config.take("rope_theta", default=everywhere, of=float)
    windowed, full = given.mapping("sliding_attention"), given.mapping("full_attention")
    kind = kind_of(windowed)
    if kind != "default":
        windowed.refuse("rope_type", kind, "expected default")
    outside = config.with_fields(rope_theta=local)
    everything = scaling if scaling.names else full
    if scaling.names:
        base = full.take("rope_theta", default=base, of=float)
    return rotary(outside, windowed), rotary(config.with_fields(rope_theta=base), everything, by_kind=True)
