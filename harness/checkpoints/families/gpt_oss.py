"""gpt-oss: windows in every second layer, attention sinks, and experts with a limit."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, ClassVar

from harness.checkpoints.config import Config
from harness.checkpoints.experts import EXPERT, with_experts
from harness.checkpoints.families import Document, Fields, families, with_choices, with_windows
from harness.checkpoints.families.llama import NAMES, Llama
from harness.checkpoints.layout import Form, Shape, Templates
from harness.checkpoints.recurrent import Names
from harness.spec.model import Spec

LAYER = "model.layers.{i}.mlp."


class Alternating(Form):
    """Gate and up of every expert by turns, [E, in, 2 F], or their biases, [E, 2 F]."""

    def to_model(self, released: Any, shapes: Sequence[Shape]) -> list[Any]:
        """Every second, as [E, F, in], or [E, F]."""
        parts = [released[..., ::2], released[..., 1::2]]
        return [part.transpose(1, 2) for part in parts] if released.dim() == 3 else parts

    def to_release(self, own: Sequence[Any]) -> Any:
        """By turns."""
        import torch

        both = [part.transpose(1, 2) if part.dim() == 3 else part for part in own]
        return torch.stack(both, -1).flatten(-2)


class EachTransposed(Form):
    """The matrices of all experts, [E, in, out]."""

    def to_model(self, released: Any, shapes: Sequence[Shape]) -> list[Any]:
        """Swap the last two dimensions."""
        return [released.transpose(1, 2)]

    def to_release(self, own: Sequence[Any]) -> Any:
        """Swap the last two dimensions."""
        return own[0].transpose(1, 2)


@families.register("gpt_oss")
class GPTOSS(Llama, called="gpt-oss"):
    """gpt-oss-20b and gpt-oss-120b. Their weights are stored rounded, so that only specs of them can be had."""

    source = ("transformers, models/gpt_oss", "https://github.com/huggingface/transformers")

    defaults: ClassVar[Fields] = {
        "head_dim": 64,
        "num_key_value_heads": 8,
        "sliding_window": 128,
        "rms_norm_eps": 1e-5,
        "rope_theta": 150000.0,
        "attention_bias": True,
    }
    sizes: ClassVar[Fields] = {}
    absent = ("mlp_bias",)

    def document(self, config: Config) -> Document:
        """LLaMA's, with windows, sinks and experts whose weights are a softmax over those that are chosen."""
        config.ignore("initial_context_length", "experts_per_token")  # what other fields say too
        document = super().document(config)
        count, choices = document["dims"]["num_layers"], document["choices"]
        assumed = ["full_attention" if layer % 2 else "sliding_attention" for layer in range(count)]
        document = with_windows(document, config, assumed, 128)
        mlp = {
            "kind": "clamped_swiglu",
            "alpha": config.take("swiglu_alpha", default=1.702),
            "limit": config.take("swiglu_limit", default=7.0),
            "intermediate_size": choices["mlp"]["intermediate_size"],
            "bias": True,
        }
        experts = {
            "num_experts": config.take("num_local_experts", default=128),
            "experts_per_token": config.take("num_experts_per_tok", default=4),
            "normalised": True,
            "bias": True,
        }
        return with_experts(with_choices(document, mlp=mlp), experts, mlp["intermediate_size"], [True] * count)

    def attention(self, config: Config) -> dict[str, Any]:
        """With sinks."""
        return {**super().attention(config), "sinks": True}

    def templates(self, spec: Spec) -> Templates:
        """LLaMA's, with the sinks, and the experts of a layer in one tensor each."""
        names: Names = {**NAMES, "model.layers.{i}.self_attn.sinks": "layers.{i}.mixer.sinks"}
        for part in ("weight", "bias"):
            end = "" if part == "weight" else "_bias"
            both = (f"{EXPERT}gate.{part}", f"{EXPERT}up.{part}")
            form = EachTransposed() if part == "weight" else Form()
            names[f"{LAYER}router.{part}"] = f"layers.{{i}}.mlp.router.{part}"
            names[f"{LAYER}experts.gate_up_proj{end}"] = (both, Alternating())
            names[f"{LAYER}experts.down_proj{end}"] = ((f"{EXPERT}down.{part}",), form)
        return names
