"""Llama 4: attention within chunks in three layers of four, none of positions in the other, and experts."""

from __future__ import annotations

from typing import Any, ClassVar

from harness.checkpoints.config import Config
from harness.checkpoints.experts import EXPERT, StackedInsideTransposed, with_experts
from harness.checkpoints.families import Document, Fields, families
from harness.checkpoints.families.llama import NAMES, Llama
from harness.checkpoints.layout import Templates
from harness.checkpoints.rotary import parameters_of
from harness.spec.model import Spec

FULL, CHUNKED = "full_attention", "chunked_attention"
BLOCKS = {FULL: "full", CHUNKED: "chunked"}
LAYER, OWN = "model.layers.{i}.feed_forward.", "layers.{i}.mlp."


@families.register("llama4_text")
class Llama4(Llama, called="LLaMA"):
    """The text models of Llama 4 Scout and Maverick."""

    source = ("transformers, models/llama4", "https://github.com/huggingface/transformers")

    defaults: ClassVar[Fields] = {
        "head_dim": 128,
        "num_key_value_heads": 8,
        "rms_norm_eps": 1e-5,
        "rope_theta": 500000.0,
        "intermediate_size_mlp": 16384,
    }
    sizes: ClassVar[Fields] = {
        "vocab_size": 202048,
        "hidden_size": 5120,
        "intermediate_size": 8192,
        "num_hidden_layers": 48,
        "num_attention_heads": 40,
        "max_position_embeddings": 131072,
    }
    layout = "interleaved"
    absent = ("mlp_bias",)

    def document(self, config: Config) -> Document:
        """LLaMA's, in blocks with and without chunks and positions, and the experts."""
        width = config.take("intermediate_size")
        document = super().document(config.with_fields(intermediate_size=config.take("intermediate_size_mlp")))
        config.ignore("router_jitter_noise")
        document = self._in_blocks(document, config)
        count = document["dims"]["num_layers"]
        step = config.take("interleave_moe_layer_step", default=1)
        sparse = config.take("moe_layers", default=list(range(step - 1, count, step)))
        experts = {
            "num_experts": config.take("num_local_experts", default=16),
            "experts_per_token": config.take("num_experts_per_tok", default=1),
            "score": "sigmoid",
            "normalised": False,
            "weighted_input": True,
            "shared_size": width,
        }
        return with_experts(document, experts, width, [layer in sparse for layer in range(count)])

    def _in_blocks(self, document: Document, config: Config) -> Document:
        count = document["dims"]["num_layers"]
        period = config.take("no_rope_layer_interval", default=4)
        usual = [int((layer + 1) % period != 0) for layer in range(count)]
        rotated = config.take("no_rope_layers", default=usual) or usual
        assumed = [CHUNKED if turns else FULL for turns in rotated]
        kinds = config.take("layer_types", default=assumed)
        if set(kinds) - set(BLOCKS) or len(kinds) != count or len(rotated) < count:
            config.refuse("layer_types", kinds, f"expected {count} of {FULL} and {CHUNKED}")
        size = config.take("attention_chunk_size", default=8192)
        patterns = {FULL: "dense", CHUNKED: {"kind": "chunked", "size": size} if size else "dense"}
        mixer = document["choices"]["mixer"]
        with_positions = mixer
        if config.take("use_qk_norm", default=True):
            _expect_no_stretch(config, document["choices"]["position"])
            with_positions = {**mixer, "qk_norm": "plain"}
        without_positions = {"position": "none", "mixer": {**mixer, **_growth(config)}}
        blocks, layers = {}, []
        for kind, turns in zip(kinds, rotated[:count], strict=True):
            layers.append(BLOCKS[kind] if turns else f"{BLOCKS[kind]}_without_positions")
            own = {"mixer": with_positions} if turns else without_positions
            blocks[layers[-1]] = {"pattern": patterns[kind], **own}
        return {**document, "blocks": blocks, "layers": layers}

    def templates(self, spec: Spec) -> Templates:
        """LLaMA's in other words."""
        names = {name.replace(".mlp.", ".feed_forward."): own for name, own in NAMES.items()}
        shared = {
            f"{LAYER}shared_expert.{part}_proj.weight": f"{OWN}shared.{part}.weight" for part in ("gate", "up", "down")
        }
        return {
            **names,
            **shared,
            f"{LAYER}router.weight": f"{OWN}router.weight",
            f"{LAYER}experts.gate_up_proj": ((f"{EXPERT}gate.weight", f"{EXPERT}up.weight"), StackedInsideTransposed()),
            f"{LAYER}experts.down_proj": ((f"{EXPERT}down.weight",), StackedInsideTransposed()),
        }


def _expect_no_stretch(config: Config, position: dict[str, Any]) -> None:
    """Refuse what stretches rotated channels: the norm comes behind the rotation here, and would undo it."""
    stretch = position.get("scaling", {}).get("attention_factor", 1.0)
    if stretch != 1:
        parameters_of(config).refuse("attention_factor", stretch, "expected 1 where queries and keys are normalised")


def _growth(config: Config) -> dict[str, Any]:
    """How queries grow with their place in layers without positions, if they do."""
    length, rate = config.take("floor_scale", default=8192), config.take("attn_scale", default=0.1, of=float)
    if not config.take("attn_temperature_tuning", default=True):
        return {}
    return {"growth": {"rate": rate, "length": length, "from_one": True}}
