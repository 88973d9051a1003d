"""InternLM2: LLaMA's layout with fused queries, keys and values, and names of its own."""

from __future__ import annotations

from harness.checkpoints.config import Config
from harness.checkpoints.families import Document, families
from harness.checkpoints.families.llama import Llama
from harness.checkpoints.layout import ByHead, Form, Templates
from harness.choices.mixers.softmax import softmax_of
from harness.spec.model import Spec

MODULES = {
    "attention_norm": "mixer_norm",
    "attention.wo": "mixer.out",
    "ffn_norm": "mlp_norm",
    "feed_forward.w1": "mlp.gate",
    "feed_forward.w2": "mlp.down",
    "feed_forward.w3": "mlp.up",
}


@families.register("internlm2")
class InternLM2(Llama, called="InternLM"):
    """InternLM2 and InternLM2.5."""

    source = ("internlm/internlm2-7b, modeling_internlm2.py", "https://huggingface.co/internlm/internlm2-7b")

    def document(self, config: Config) -> Document:
        """LLaMA's, with one field for the biases of attention."""
        return super().document(config.with_fields(attention_bias=config.take("bias", default=True)))

    def templates(self, spec: Spec) -> Templates:
        """The query heads that share a key-value head stand in front of it."""
        attention = softmax_of(spec.choices)
        form = ByHead(attention.kv_heads, attention.num_heads // attention.kv_heads)
        templates: dict[str, str | tuple[tuple[str, ...], Form]] = {
            "model.tok_embeddings.weight": "embedding.table.weight",
            "model.norm.weight": "final_norm.0.weight",
            "output.weight": "head.out.weight",
        }
        for part in ("weight", "bias"):
            layer = "model.layers.{i}."
            templates |= {
                f"{layer}{released}.{part}": f"layers.{{i}}.{own}.{part}" for released, own in MODULES.items()
            }
            templates[f"{layer}attention.wqkv.{part}"] = ((f"layers.{{i}}.mixer.qkv.{part}",), form)
        return templates
