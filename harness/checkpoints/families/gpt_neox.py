"""GPT-NeoX and Pythia."""

from __future__ import annotations

from typing import Any

from harness.checkpoints.config import Config
from harness.checkpoints.families import PLAIN, Document, Family, activation, dims, families, head
from harness.checkpoints.layout import ByHead, Form, Templates
from harness.checkpoints.rotary import neox_rope
from harness.choices.mixers.softmax import softmax_of
from harness.spec.model import Spec

MODULES = {
    "input_layernorm": "mixer_norm",
    "attention.dense": "mixer.out",
    "post_attention_layernorm": "mlp_norm",
    "mlp.dense_h_to_4h": "mlp.up",
    "mlp.dense_4h_to_h": "mlp.down",
}


def neox_templates(trunk: str, heads: int) -> dict[str, str | tuple[tuple[str, ...], Form]]:
    """Everything under a trunk of this name, with queries, keys and values stored head by head."""
    layer = f"{trunk}.layers.{{i}}."
    templates: dict[str, str | tuple[tuple[str, ...], Form]] = {
        f"{trunk}.embed_in.weight": "embedding.table.weight",
        "embed_out.weight": "head.out.weight",
    }
    for part in ("weight", "bias"):
        templates |= {f"{layer}{released}.{part}": f"layers.{{i}}.{own}.{part}" for released, own in MODULES.items()}
        fused = (f"layers.{{i}}.mixer.qkv.{part}",)
        templates[f"{layer}attention.query_key_value.{part}"] = (fused, ByHead(heads))
        templates[f"{trunk}.final_layer_norm.{part}"] = f"final_norm.0.{part}"
    return templates


@families.register("gpt_neox")
class GPTNeoX(Family, called="GPT-NeoX"):
    """Sublayers side by side behind norms of their own, or one after the other; a quarter of each head rotates."""

    source = ("transformers, models/gpt_neox", "https://github.com/huggingface/transformers")

    ignored = (".attention.bias", ".attention.masked_bias", ".rotary_emb.inv_freq")

    def document(self, config: Config) -> Document:
        """LayerNorm, biases but on the head, multi-head attention."""
        config.expect("is_decoder", False, True)
        parallel = config.take("use_parallel_residual", default=True)
        attention: dict[str, Any] = {
            "kind": "softmax",
            "num_heads": config.take("num_attention_heads"),
            "bias": config.take("attention_bias", default=True),
        }
        return {
            "dims": dims(config, "num_hidden_layers", "hidden_size", "vocab_size", "max_position_embeddings"),
            "choices": {
                "norm": {"kind": "layernorm", "eps": config.take("layer_norm_eps", default=1e-5)},
                "residual": "parallel_two_norms" if parallel else "pre",
                "position": neox_rope(config, fraction=0.25),
                "mixer": attention,
                "pattern": "dense",
                "mlp": {
                    **activation(config, PLAIN, "hidden_act", default="gelu"),
                    "intermediate_size": config.take("intermediate_size"),
                    "bias": True,
                },
                "head": head(config, tied=False),
                "objective": "causal_lm",
            },
        }

    def templates(self, spec: Spec) -> Templates:
        """The head is called embed_out."""
        return neox_templates("gpt_neox", softmax_of(spec.choices).num_heads)
