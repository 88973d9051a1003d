"""GPT-BigCode, that is SantaCoder and StarCoder."""

from __future__ import annotations

from typing import Any, ClassVar

from harness.checkpoints.config import Config
from harness.checkpoints.families import Document, families, with_choices
from harness.checkpoints.families.gpt2 import BLOCK, GPT2, transformer_templates
from harness.checkpoints.layout import ByHead, Form, Templates
from harness.choices.mixers.softmax import softmax_of
from harness.spec.model import Spec


@families.register("gpt_bigcode")
class GPTBigCode(GPT2, called="StarCoder"):
    """GPT-2 with one head of keys and values, matrices stored [out, in]."""

    source = ("transformers, models/gpt_bigcode", "https://github.com/huggingface/transformers")

    defaults: ClassVar[dict[str, Any]] = {"activation_function": "gelu_pytorch_tanh"}

    def document(self, config: Config) -> Document:
        """Multi-query, or multi-head with everything stored head by head."""
        for name in ("attention_softmax_in_fp32", "scale_attention_softmax_in_fp32"):
            config.ignore(name)
        config.ignore("inference_runner", "validate_runner_input", "pad_key_length")
        config.ignore("pre_allocate_kv_cache", "max_batch_size", "max_sequence_length")
        config.ignore("num_key_value_heads")
        shared = {"num_kv_heads": 1} if config.take("multi_query", default=True) else {}
        document = super().document(config)
        return with_choices(document, mixer={**document["choices"]["mixer"], **shared})

    def templates(self, spec: Spec) -> Templates:
        """With one head of keys and values, head by head is in order already."""
        attention = softmax_of(spec.choices)
        form = ByHead(attention.kv_heads, attention.num_heads // attention.kv_heads)
        fused: dict[str, tuple[tuple[str, ...], Form]] = {
            f"transformer.h.{{i}}.attn.c_attn.{part}": ((f"layers.{{i}}.mixer.qkv.{part}",), form)
            for part in ("weight", "bias")
        }
        return {**super().templates(spec), **transformer_templates(BLOCK, transposed=()), **fused}
