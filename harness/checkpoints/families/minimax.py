"""MiniMax-01: Mixtral's experts, with lightning attention in most layers and softmax attention in the other."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

from harness.checkpoints.config import Config
from harness.checkpoints.families import Document, families, with_choices
from harness.checkpoints.families.mixtral import Mixtral
from harness.checkpoints.layout import InHeads, Templates
from harness.checkpoints.recurrent import ATTENTION, LINEAR, Names, in_kinds, in_layers_of, kinds_of
from harness.checkpoints.rotary import by_channels
from harness.choices.mixers.lightning import Lightning
from harness.spec.model import Spec

OWN = "layers.{i}.mixer."
LAYER = "model.layers.{i}.self_attn."
NORM_EPS = 1e-6
"""Of the norm in lightning attention, whatever a config says of the others."""
WEIGHTED = {"full_attn": ATTENTION, "linear_attn": LINEAR, "mlp": "mlp"}
"""What the fields of a sublayer's weights begin with, and what it is called in those of the first release."""


@families.register("minimax")
@families.register("minimax_m1")
@families.register("minimax_text_01")
class MiniMax(Mixtral, called="MiniMax"):
    """MiniMax-Text-01 and MiniMax-M1, in the words of their own code or of transformers'."""

    source = ("transformers, models/minimax", "https://github.com/huggingface/transformers")

    fraction: ClassVar[float | None] = 1.0
    ignored = (*Mixtral.ignored, ".slope_rate", ".query_decay", ".key_decay", ".diagonal_decay")

    def document(self, config: Config) -> Document:
        """Mixtral's, with the mixer of the other layers, and DeepNorm: the residual carries the normalised stream.

        Of a head some channels rotate, whose number the releases give; transformers' code passes over it.
        """
        config.expect("hidden_act", "silu", "swish")
        config.expect("postnorm", True)
        config.expect("shared_intermediate_size", 0, [0])
        config.ignore("shared_moe_mode", "block_size")
        document = super().document(by_channels(config))
        count = document["dims"]["num_layers"]
        numbers = config.take("attn_type_list", default=[])
        if len(numbers) != count:
            numbers = [(layer + 1) % 2 for layer in range(count)]
        kinds = kinds_of(config, [ATTENTION if number else LINEAR for number in numbers], count)
        config.expect("attn_type_list", [int(kind == ATTENTION) for kind in kinds])
        residual = {
            "kind": "deepnorm",
            "alpha": _weight(config, "alpha", kinds),
            "scale": _weight(config, "beta", kinds),
        }
        document = with_choices(document, embedding={"kind": "table", "norm": True}, residual=residual)
        recurrent = {
            "kind": "lightning",
            "num_heads": config.take("num_attention_heads"),
            "head_dim": config.take("head_dim", default=None),
            "norm_eps": NORM_EPS,
        }
        return in_kinds(document, kinds, {ATTENTION: {}, LINEAR: {"mixer": recurrent}})

    def templates(self, spec: Spec) -> Templates:
        """Mixtral's, with queries, keys and values of a head of lightning attention one below the other.

        What the release calls the norm in front of a layer stands behind the MLP below, or behind the embedding.
        """
        layers = range(spec.dims.num_layers)
        in_front = [*(f"model.layers.{layer}.input_layernorm.weight" for layer in layers), "model.norm.weight"]
        behind = ["embedding.norm.weight", *(f"layers.{layer}.mlp_norm.weight" for layer in layers)]
        names: Names = {name: own for name, own in super().templates(spec).items() if "norm" not in name}
        names |= zip(in_front, behind, strict=True)
        names["model.layers.{i}.post_attention_layernorm.weight"] = "layers.{i}.mixer_norm.weight"
        recurrent = [layer.mixer for layer, _ in spec.counted_layers if isinstance(layer.mixer, Lightning)]
        return {**names, **in_layers_of(spec, "lightning", _names(recurrent[0].num_heads))} if recurrent else names


def _names(heads: int) -> Names:
    three = tuple(f"{OWN}{part}.weight" for part in ("query", "key", "value"))
    names: Names = {f"{LAYER}qkv_proj.weight": (three, InHeads(heads))}
    for released, own in (("output_gate", "gate"), ("out_proj", "out"), ("norm", "norm")):
        names[f"{LAYER}{released}.weight"] = f"{OWN}{own}.weight"
    return names


def _weight(config: Config, part: str, kinds: Sequence[str]) -> float:
    """What the stream or the sublayers are multiplied by; it must be the same of all sublayers that there are."""
    fields = {called: (f"{short}_{part}_factor", f"layernorm_{called}_{part}") for short, called in WEIGHTED.items()}
    weights = {called: float(config.take(*names, default=1.0, of=float)) for called, names in fields.items()}
    for kind in dict.fromkeys(kinds):
        if weights[kind] != weights["mlp"]:
            stated = next(name for name in (*fields[kind], *fields["mlp"]) if name in config.names)
            config.refuse(stated, config.as_stated[stated], "expected the same of all sublayers")
    return weights["mlp"]
