"""InternLM: LLaMA's layout with one field for the biases of attention."""

from __future__ import annotations

from harness.checkpoints.config import Config
from harness.checkpoints.families import Document, families
from harness.checkpoints.families.llama import Llama


@families.register("internlm")
class InternLM(Llama, called="InternLM"):
    """InternLM 7B and 20B."""

    source = ("internlm/internlm-7b, modeling_internlm.py", "https://huggingface.co/internlm/internlm-7b")

    def document(self, config: Config) -> Document:
        """LLaMA's; `rotary` holds the base, and whether it grows with the sequence."""
        rotary = config.mapping("rotary")
        kind = rotary.take("type", default="origin")
        if kind not in ("origin", "dynamic"):
            rotary.refuse("type", kind, "expected origin or dynamic")
        theta, factor = rotary.take("base", default=10000.0), rotary.take("scaling_factor", default=1.0)
        scaling = {"rope_type": "dynamic", "factor": factor} if kind == "dynamic" else {}
        bias = config.take("bias", default=True)
        renamed = config.with_fields(rope_theta=theta, attention_bias=bias)
        return super().document(renamed.with_parts(rope_scaling=scaling) if scaling else renamed)
