"""RWKV-4."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from harness.checkpoints.config import Config
from harness.checkpoints.families import Document, Family, dims, families, head
from harness.checkpoints.layout import Form, Shape, Templates
from harness.spec.model import Spec


class OfEveryToken(Form):
    """A number a channel, [D], stored [1, 1, D]."""

    def to_model(self, released: Any, shapes: Sequence[Shape]) -> list[Any]:
        """Without the dimensions of batch and tokens."""
        return [released[0, 0]]

    def to_release(self, own: Sequence[Any]) -> Any:
        """With them."""
        return own[0][None, None]


@families.register("rwkv")
class RWKV(Family, called="RWKV"):
    """RWKV-4 of the Pile and its successors, 169M to 14B."""

    source = ("transformers, models/rwkv", "https://github.com/huggingface/transformers")

    def document(self, config: Config) -> Document:
        """Pre-LayerNorm, also behind the table, no positions, and no bias but those of norms.

        The final norm has an eps that no field says, and a spec has one for all. Inference, unlike training, halves the
        stream every `rescale_every` layers against overflow in 16 bits; norms undo it, as far as eps is small to it.
        """
        config.ignore("rescale_every")
        config.expect("layer_norm_epsilon", 1e-5)
        sizes = dims(config, "num_hidden_layers", "hidden_size", "vocab_size", "context_length")
        hidden = sizes["hidden_size"]
        return {
            "dims": sizes,
            "choices": {
                "embedding": {"kind": "table", "norm": True},
                "norm": {"kind": "layernorm", "eps": 1e-5},
                "residual": "pre",
                "mixer": {"kind": "rwkv", "inner_size": config.take("attention_hidden_size", default=hidden)},
                "mlp": {"kind": "rwkv", "intermediate_size": config.take("intermediate_size", default=4 * hidden)},
                "head": head(config, tied=False),
                "objective": "causal_lm",
            },
        }

    def templates(self, spec: Spec) -> Templates:
        """As transformers names them."""
        block = "rwkv.blocks.{i}."
        names: dict[str, str | tuple[tuple[str, ...], Form]] = {
            "rwkv.embeddings.weight": "embedding.table.weight",
            f"{block}attention.time_decay": "layers.{i}.mixer.log_decay",
            f"{block}attention.time_first": "layers.{i}.mixer.bonus",
            f"{block}attention.output.weight": "layers.{i}.mixer.out.weight",
            f"{block}feed_forward.value.weight": "layers.{i}.mlp.value.weight",
            "head.weight": "head.out.weight",
        }
        shifted = {
            "attention": ("mixer", ("key", "value", "receptance")),
            "feed_forward": ("mlp", ("key", "receptance")),
        }
        for released, (own, products) in shifted.items():
            for product in products:
                to = f"layers.{{i}}.{own}.{product}"
                names[f"{block}{released}.{product}.weight"] = f"{to}.weight"
                names[f"{block}{released}.time_mix_{product}"] = ((f"{to}.share",), OfEveryToken())
        norms = {
            "rwkv.blocks.0.pre_ln": "embedding.norm",
            f"{block}ln1": "layers.{i}.mixer_norm",
            f"{block}ln2": "layers.{i}.mlp_norm",
            "rwkv.ln_out": "final_norm.0",
        }
        return names | {f"{a}.{part}": f"{b}.{part}" for a, b in norms.items() for part in ("weight", "bias")}
