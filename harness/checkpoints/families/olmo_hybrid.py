"""OLMo Hybrid: gated DeltaNet behind norms in three layers of four, and OLMo 3's attention in the other."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

from harness.checkpoints.config import Config
from harness.checkpoints.families import SILU, Document, Fields, families, with_choices
from harness.checkpoints.families.olmo2 import REORDERED, OLMo2
from harness.checkpoints.layout import Templates
from harness.checkpoints.recurrent import ATTENTION, LINEAR, Names, Taps, in_kinds, in_layers_of
from harness.checkpoints.rotary import parameters_of
from harness.choices.mixers.gated_delta import GatedDelta
from harness.spec.model import Spec

OWN = "layers.{i}.mixer."
LAYER = "model.layers.{i}.linear_attn."
PRODUCTS = {"q": "query", "k": "key", "v": "value", "g": "gate", "b": "beta", "a": "decay", "o": "out"}
EPS = 1e-5
"""Of the norm inside gated DeltaNet, whatever the config says of norms."""


@families.register("olmo_hybrid")
class OLMoHybrid(OLMo2, called="OLMo"):
    """OLMo Hybrid 7B."""

    source = ("transformers, models/olmo_hybrid", "https://github.com/huggingface/transformers")

    activations: ClassVar[Mapping[str, dict[str, str]]] = SILU
    defaults: ClassVar[Fields] = {"rms_norm_eps": 1e-6}
    also_called: ClassVar[Mapping[str, str]] = {
        "attention_layer_norm": "input_layernorm",
        "feedforward_layer_norm": "post_attention_layernorm",
        "post_attention_layernorm": "feedforward_layer_norm",
    }
    sizes: ClassVar[Fields] = {
        "vocab_size": 100352,
        "hidden_size": 3840,
        "intermediate_size": 11008,
        "num_hidden_layers": 32,
        "num_attention_heads": 30,
        "max_position_embeddings": 65536,
    }

    def document(self, config: Config) -> Document:
        """OLMo 2's, without positions where their base is null, and the other layers."""
        config.ignore(*(f"linear_{name}" for name in ("a_log_min", "a_log_max", "dt_min", "dt_max", "dt_init_floor")))
        parameters = parameters_of(config)
        holder = parameters if "rope_theta" in (*parameters.names, *parameters.nulls) else config
        document = super().document(config)
        if "rope_theta" in holder.nulls:
            document = with_choices(document, position="none")
        count = document["dims"]["num_layers"]
        kinds = config.take("layer_types", default=_assumed(count))
        if set(kinds) - {ATTENTION, LINEAR} or len(kinds) != count:
            config.refuse("layer_types", kinds, f"expected {count} of {ATTENTION} and {LINEAR}")
        return in_kinds(document, kinds, {ATTENTION: {}, LINEAR: {"residual": "pre", "mixer": self.recurrent(config)}})

    def recurrent(self, config: Config) -> dict[str, Any]:
        """Gated DeltaNet; keys take three quarters of the hidden size, and values twice as much."""
        heads = config.take("num_attention_heads")
        key_heads = config.take("linear_num_key_heads", default=heads)
        key_dim = config.take("linear_key_head_dim", default=3 * config.take("hidden_size") // (4 * key_heads))
        return {
            "kind": "gated_delta",
            "num_heads": config.take("linear_num_value_heads", default=heads),
            "num_key_heads": key_heads,
            "key_dim": key_dim,
            "value_dim": config.take("linear_value_head_dim", default=2 * key_dim),
            "taps": config.take("linear_conv_kernel_dim", default=4),
            "negative": config.take("linear_allow_neg_eigval", default=True),
            "norm_eps": EPS,
        }

    def templates(self, spec: Spec) -> Templates:
        """OLMo 2's, and the other layers'."""
        recurrent: Names = {
            "model.layers.{i}.attention_layer_norm.weight": "layers.{i}.mixer_norm.weight",
            "model.layers.{i}.feedforward_layer_norm.weight": "layers.{i}.mlp_norm.weight",
            f"{LAYER}A_log": f"{OWN}log_a",
            f"{LAYER}dt_bias": f"{OWN}dt_bias",
            **self.convolutions(spec),
            f"{LAYER}o_norm.weight": f"{OWN}norm.weight",
            **{f"{LAYER}{released}_proj.weight": f"{OWN}{own}.weight" for released, own in PRODUCTS.items()},
        }
        attention: Names = {
            "model.layers.{i}.post_attention_layernorm.weight": "layers.{i}.mixer_norm.weight",
            "model.layers.{i}.post_feedforward_layernorm.weight": "layers.{i}.mlp_norm.weight",
        }
        common = {name: own for name, own in REORDERED.items() if "layernorm" not in name}
        return {**common, **in_layers_of(spec, "softmax", attention), **in_layers_of(spec, "gated_delta", recurrent)}

    def convolutions(self, spec: Spec) -> Names:
        """Of queries, keys and values, each a tensor of its own."""
        names: Names = {}
        start = 0
        for layer, width in zip("qkv", _widths(spec), strict=True):
            rows = (f"{OWN}convolution.weight[{start}:{start + width}]",)
            names[f"{LAYER}{layer}_conv1d.weight"] = (rows, Taps())
            start += width
        return names


def _widths(spec: Spec) -> tuple[int, int, int]:
    """Channels of queries, keys and values in the recurrent layers; 0 where there are none."""
    mixer = next((layer.mixer for layer, _ in spec.counted_layers if isinstance(layer.mixer, GatedDelta)), None)
    return (mixer.keys, mixer.keys, mixer.values) if mixer else (0, 0, 0)


def _assumed(count: int) -> list[str]:
    """Attention in each fourth layer, or, where there are fewer, in the last."""
    kinds = [LINEAR if (layer + 1) % 4 else ATTENTION for layer in range(count)]
    return kinds if ATTENTION in kinds else [*kinds[:-1], ATTENTION]
