"""MiniMax-Text-01: lightning attention in most layers, softmax attention, and experts."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

from harness.checkpoints.config import Config
from harness.checkpoints.families import SILU, Document, Fields, families, with_choices
from harness.checkpoints.families.mixtral import Mixtral
from harness.checkpoints.layout import InHeads, Templates
from harness.checkpoints.recurrent import ATTENTION, LINEAR, Names, in_kinds, in_layers_of
from harness.choices.mixers.lightning import Lightning
from harness.spec.model import Spec

FACTORS = ("full_attn", "linear_attn", "mlp")
EPS = 1e-6
"""Of the norm inside lightning attention, whatever the config says of norms."""


@families.register("minimax")
class MiniMax(Mixtral, called="MiniMax"):
    """MiniMax-Text-01.

    A layer of the release is n = norm(x), x <- alpha n + sublayer(n). With the norms numbered one on, so that the first
    is that of the embedding and the last that of the last block, this is DeepNorm.
    """

    source = ("transformers, models/minimax", "https://github.com/huggingface/transformers")

    activations: ClassVar[Mapping[str, dict[str, str]]] = SILU
    defaults: ClassVar[Fields] = {**Mixtral.defaults, "sliding_window": None}
    ignored: ClassVar[tuple[str, ...]] = (
        *Mixtral.ignored,
        *(f".self_attn.{name}" for name in ("slope_rate", "query_decay", "key_decay", "diagonal_decay")),
    )

    def document(self, config: Config) -> Document:
        """Mixtral's, with the mixer of the other layers and the factors of the stream."""
        config.ignore("block_size", "router_jitter_noise")
        config.expect("sliding_window", None)
        alphas = {config.take(f"{name}_alpha_factor", default=1, of=float) for name in FACTORS}
        for name in FACTORS:
            config.expect(f"{name}_beta_factor", 1)
        if len(alphas) > 1:
            config.refuse("mlp_alpha_factor", sorted(alphas), "expected the same for all sublayers")
        document = with_choices(
            super().document(config),
            residual={"kind": "deepnorm", "alpha": alphas.pop()},
            embedding={"kind": "table", "norm": True},
        )
        count = document["dims"]["num_layers"]
        assumed = [LINEAR if layer % 2 else ATTENTION for layer in range(count)]
        kinds = config.take("layer_types", default=assumed)
        if set(kinds) - {ATTENTION, LINEAR} or len(kinds) != count:
            config.refuse("layer_types", kinds, f"expected {count} of {ATTENTION} and {LINEAR}")
        mixer = self.attention(config)
        lightning = {"kind": "lightning", "norm_eps": EPS, **{key: mixer[key] for key in ("num_heads", "head_dim")}}
        return in_kinds(document, kinds, {ATTENTION: {}, LINEAR: {"mixer": lightning}})

    def templates(self, spec: Spec) -> Templates:
        """Mixtral's, with norms of other numbers, and the lightning layers'."""
        names: dict[str, Any] = {**super().templates(spec)}
        last = spec.dims.num_layers - 1
        names["model.layers.0.input_layernorm.weight"] = "embedding.norm.weight"
        names["model.layers.{i}.post_attention_layernorm.weight"] = "layers.{i}.mixer_norm.weight"
        del names["model.layers.{i}.input_layernorm.weight"]
        for depth in range(last):
            names[f"model.layers.{depth + 1}.input_layernorm.weight"] = f"layers.{depth}.mlp_norm.weight"
        names["model.norm.weight"] = f"layers.{last}.mlp_norm.weight"
        layer, own = "model.layers.{i}.self_attn.", "layers.{i}.mixer."
        heads = next((each.mixer.num_heads for each, _ in spec.counted_layers if isinstance(each.mixer, Lightning)), 0)
        joined = tuple(f"{own}{part}.weight" for part in ("query", "key", "value"))
        lightning: Names = {
            f"{layer}qkv_proj.weight": (joined, InHeads(heads)),
            f"{layer}output_gate.weight": f"{own}gate.weight",
            f"{layer}out_proj.weight": f"{own}out.weight",
            f"{layer}norm.weight": f"{own}norm.weight",
        }
        return {**names, **in_layers_of(spec, "lightning", lightning)}
