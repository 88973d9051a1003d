"""GLM-4 as transformers names it: LLaMA's layout, half of a head's channels rotated, gate and up in one matrix."""

from __future__ import annotations

from typing import Any, ClassVar

from harness.checkpoints.config import Config
from harness.checkpoints.families import Fields, families
from harness.checkpoints.families.llama import NAMES, Llama
from harness.checkpoints.layout import Stacked, Templates
from harness.spec.model import Spec

GATE_AND_UP = (("layers.{i}.mlp.gate.weight", "layers.{i}.mlp.up.weight"), Stacked())
GLM_NAMES: Templates = {
    **{name: own for name, own in NAMES.items() if "gate_proj" not in name and "up_proj" not in name},
    "model.layers.{i}.mlp.gate_up_proj.weight": GATE_AND_UP,
}


@families.register("glm")
class GLM(Llama, called="GLM"):
    """GLM-4 9B and GLM-Edge."""

    source = ("transformers, models/glm", "https://github.com/huggingface/transformers")

    defaults: ClassVar[Fields] = {
        "head_dim": 128,
        "num_key_value_heads": 2,
        "rms_norm_eps": 1.5625e-07,
        "attention_bias": True,
    }
    layout = "interleaved"
    fraction = 0.5
    absent = ("mlp_bias",)

    def attention(self, config: Config) -> dict[str, Any]:
        """No bias on the projection out of the heads."""
        attention = super().attention(config)
        return {**attention, "bias": "qkv" if attention["bias"] else False}

    def templates(self, spec: Spec) -> Templates:
        """LLaMA's, with gate and up fused."""
        return GLM_NAMES
