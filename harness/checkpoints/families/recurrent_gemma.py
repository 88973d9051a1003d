"""RecurrentGemma: RG-LRU in two layers of three, and Gemma with a window and one key-value head in the other."""

from __future__ import annotations

import math
import struct
from typing import Any, ClassVar

from harness.checkpoints.config import Config
from harness.checkpoints.families import Document, Fields, families, with_choices
from harness.checkpoints.families.gemma import Gemma, one_plus
from harness.checkpoints.layout import Templates
from harness.checkpoints.recurrent import Names, Taps, in_kinds, in_layers_of
from harness.spec.model import Spec

ATTENTION, RECURRENT = "attention", "recurrent"
LAYER, OWN = "model.layers.{i}.", "layers.{i}."


@families.register("recurrent_gemma")
class RecurrentGemma(Gemma, called="Gemma"):
    """RecurrentGemma 2B and 9B, which are Griffin (De et al. 2024, https://arxiv.org/abs/2402.19427)."""

    source = ("transformers, models/recurrent_gemma", "https://github.com/huggingface/transformers")

    defaults: ClassVar[Fields] = {
        "tie_word_embeddings": True,
        "hidden_act": "gelu_pytorch_tanh",
        "num_key_value_heads": None,
        "max_position_embeddings": 8192,
    }
    sizes: ClassVar[Fields] = {
        "vocab_size": 256000,
        "hidden_size": 2560,
        "intermediate_size": 7680,
        "num_hidden_layers": 26,
        "num_attention_heads": 10,
    }
    fraction = 0.5

    def document(self, config: Config) -> Document:
        """Gemma's, whose logits are capped, with half the width that is stated for the MLP, and the other layers."""
        config.ignore("w_init_variance_scale", "final_w_init_variance_scale")
        config.ignore("layers_block_type")  # what follows from `block_types`
        width = config.take("hidden_size")
        document = super().document(config.with_fields(intermediate_size=config.take("intermediate_size") // 2))
        choices = document["choices"]
        document = with_choices(
            document,
            # In the release the root is a number of 16 bits.
            embedding={"kind": "table", "scale": _in_bfloat16(math.sqrt(width))},
            pattern={"kind": "banded", "window": config.take("attention_window_size", default=2048)},
            mlp={**choices["mlp"], "bias": True},
            head={**choices["head"], "softcap": config.take("logits_soft_cap", default=30.0, of=float)},
        )
        kinds = config.take("block_types", default=[RECURRENT, RECURRENT, ATTENTION])
        if not kinds or set(kinds) - {ATTENTION, RECURRENT}:
            config.refuse("block_types", kinds, f"expected some of {ATTENTION} and {RECURRENT}")
        recurrent = {
            "kind": "rg_lru",
            "width": config.take("lru_width", default=width),
            "num_blocks": config.take("num_attention_heads"),
            "taps": config.take("conv1d_width", default=4),
        }
        count = document["dims"]["num_layers"]
        layers = [kinds[depth % len(kinds)] for depth in range(count)]
        return in_kinds(document, layers, {ATTENTION: {}, RECURRENT: {"mixer": recurrent}})

    def attention(self, config: Config) -> dict[str, Any]:
        """With a bias out of the heads in any case."""
        attention = super().attention(config.with_fields(head_dim=None))
        return {**attention, "bias": True if attention["bias"] else "out"}

    def templates(self, spec: Spec) -> Templates:
        """Gemma's in other words, and the recurrent layers'."""
        own = f"{OWN}mixer."
        names: dict[str, str] = {
            "model.embed_tokens.weight": "embedding.table.weight",
            f"{LAYER}temporal_pre_norm.weight": f"{OWN}mixer_norm.weight",
            f"{LAYER}channel_pre_norm.weight": f"{OWN}mlp_norm.weight",
            "model.final_norm.weight": "final_norm.0.weight",
            "lm_head.weight": "head.out.weight",
        }
        recurrent: Names = {
            f"{LAYER}temporal_block.conv_1d.weight": ((f"{own}convolution.weight",), Taps()),
            f"{LAYER}temporal_block.conv_1d.bias": f"{own}convolution.bias",
            f"{LAYER}temporal_block.rg_lru.recurrent_param": f"{own}decay",
        }
        for part in ("weight", "bias"):
            for inner in ("gate", "up", "down"):
                names[f"{LAYER}mlp_block.{inner}_proj.{part}"] = f"{OWN}mlp.{inner}.{part}"
            for released, inner in (("q", "query"), ("k", "key"), ("v", "value"), ("o", "out")):
                names[f"{LAYER}temporal_block.{released}_proj.{part}"] = f"{own}{inner}.{part}"
            for released, inner in (("x", "into"), ("y", "gate"), ("out", "out")):
                recurrent[f"{LAYER}temporal_block.linear_{released}.{part}"] = f"{own}{inner}.{part}"
            for released, inner in (("input", "input_gate"), ("recurrent", "decay_gate")):
                recurrent[f"{LAYER}temporal_block.rg_lru.{released}_gate_{part}"] = f"{own}{inner}.{part}"
        return {**one_plus(names), **in_layers_of(spec, "rg_lru", recurrent)}


def _in_bfloat16(number: float) -> float:
    """The nearest number that bfloat16 holds, which is the upper half of a number of 32 bits."""
    (bits,) = struct.unpack("<I", struct.pack("<f", number))
    rounded = (bits + 0x7FFF + (bits >> 16 & 1)) & 0xFFFF0000
    (found,) = struct.unpack("<f", struct.pack("<I", rounded))
    return float(found)
