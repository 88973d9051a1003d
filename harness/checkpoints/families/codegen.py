"""CodeGen: GPT-J's layout with queries, keys and values in one matrix."""

from __future__ import annotations

from harness.checkpoints.families import families
from harness.checkpoints.families.gpt2 import transformer_templates
from harness.checkpoints.families.gptj import GPTJ, MLP, OUTSIDE
from harness.checkpoints.layout import ByShard, Templates
from harness.spec.model import Spec

SHARDS = 4
"""The devices that the models were trained on, which the released code has as a constant."""


@families.register("codegen")
class CodeGen(GPTJ, called="CodeGen"):
    """As GPT-J."""

    source = ("transformers, models/codegen", "https://github.com/huggingface/transformers")

    ignored = (".attn.causal_mask", ".attn.bias", ".attn.masked_bias")

    def templates(self, spec: Spec) -> Templates:
        """The fused matrix is cut by device."""
        return {
            **transformer_templates({**MLP, "attn.out_proj": "mixer.out"}, transposed=()),
            "transformer.h.{i}.attn.qkv_proj.weight": (("layers.{i}.mixer.qkv.weight",), ByShard(SHARDS)),
            **OUTSIDE,
        }
