"""Kimi Linear: Kimi delta attention in three layers of four, latent attention without positions, and experts."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

from harness.checkpoints.config import Config
from harness.checkpoints.experts import corrected, expert_names, with_experts
from harness.checkpoints.families import SILU, Document, Fields, families, with_choices
from harness.checkpoints.families.deepseek_v2 import LatentLlama
from harness.checkpoints.latent import latent_names
from harness.checkpoints.layout import Form, Shape, Templates
from harness.checkpoints.recurrent import ATTENTION, LINEAR, Names, Taps, in_kinds, in_layers_of
from harness.choices.mixers.kimi_delta import KimiDelta
from harness.choices.mixers.latent import Latent
from harness.spec.model import Spec

LAYER, OWN = "model.layers.{i}.self_attn.", "layers.{i}.mixer."
MOE = "block_sparse_moe"
PRODUCTS = {
    **{"q_proj": "query", "k_proj": "key", "v_proj": "value", "b_proj": "beta", "o_proj": "out"},
    **{"f_a_proj": "decay_down", "f_b_proj": "decay", "g_a_proj": "gate_down", "g_b_proj": "gate"},
}
CALLED = {
    "model_max_length": "max_position_embeddings",
    "num_expert_group": "n_group",
    "num_experts": "n_routed_experts",
    "num_experts_per_token": "num_experts_per_tok",
    "num_shared_experts": "n_shared_experts",
}
"""Numbers that the release's config calls otherwise than DeepSeek's."""
LINEAR_PART = {
    "head_dim": "linear_head_dim",
    "num_heads": "linear_num_heads",
    "short_conv_kernel_size": "linear_conv_kernel_dim",
}


class OfHeads(Form):
    """A number a head, [M], stored [1, 1, M, 1]."""

    def to_model(self, released: Any, shapes: Sequence[Shape]) -> list[Any]:
        """Without the other dimensions."""
        return [released.flatten()]

    def to_release(self, own: Sequence[Any]) -> Any:
        """With them."""
        return own[0][None, None, :, None]


@families.register("kimi_linear")
class KimiLinear(LatentLlama, called="Kimi"):
    """Kimi-Linear-48B-A3B."""

    source = ("transformers, models/kimi_linear", "https://github.com/huggingface/transformers")

    activations: ClassVar[Mapping[str, dict[str, str]]] = SILU
    defaults: ClassVar[Fields] = {
        "rms_norm_eps": 1e-5,
        "kv_lora_rank": 512,
        "qk_nope_head_dim": 128,
        "qk_rope_head_dim": 64,
        "v_head_dim": 128,
        "moe_intermediate_size": 1024,
        "num_experts": 256,
        "num_experts_per_token": 8,
        "num_shared_experts": 1,
        "num_expert_group": 1,
        "moe_renormalize": True,
        "routed_scaling_factor": 2.446,
    }
    sizes: ClassVar[Fields] = {
        "vocab_size": 163840,
        "hidden_size": 2304,
        "intermediate_size": 9216,
        "num_hidden_layers": 27,
        "num_attention_heads": 32,
        "max_position_embeddings": 1048576,
    }
    absent = ("mlp_bias",)
    also_called: ClassVar[Mapping[str, str]] = {".mlp.": f".{MOE}."}

    def document(self, config: Config) -> Document:
        """LLaMA's with latent attention, in which nothing rotates, the other layers, and the experts."""
        config = config.with_fields(
            head_dim=None,  # in the release that of its width, which nothing has
            norm_topk_prob=config.take("moe_renormalize", of=bool),
            **{usual: config.take(name, usual) for name, usual in CALLED.items()},
        )
        config.expect("mla_use_nope", True)
        config.expect("moe_router_activation_func", "sigmoid")
        config.expect("moe_layer_freq", 1)
        config.expect("use_grouped_topk", True)
        config.ignore("num_nextn_predict_layers")
        document = with_choices(super().document(config), position="none")
        count = document["dims"]["num_layers"]
        linear = config.mapping("linear_attn_config")
        document = in_kinds(
            document, _kinds(config, linear, count), {ATTENTION: {}, LINEAR: _recurrent(config, linear)}
        )
        first = config.take("first_k_dense_replace", default=1)
        assumed = ["sparse" if layer >= first else "dense" for layer in range(count)]
        sparse = [kind == "sparse" for kind in config.take("mlp_layer_types", default=assumed)]
        return with_experts(document, corrected(config, normalised=True), config.take("moe_intermediate_size"), sparse)

    def templates(self, spec: Spec) -> Templates:
        """DeepSeek's in layers with latent attention, and the others'."""
        mixers = [layer.mixer for layer, _ in spec.counted_layers]
        latent = next((mixer for mixer in mixers if isinstance(mixer, Latent)), None)
        names = latent_names(latent.query_rank if latent else None)
        experts = expert_names(
            stem=MOE, projections=("w1", "w3", "w2"), correction="gate.e_score_correction_bias", shared="shared_experts"
        )
        for own, released in (("gate", "gate_proj"), ("up", "up_proj"), ("down", "down_proj")):
            shared = f"model.layers.{{i}}.{MOE}.shared_experts.{released}.weight"
            experts[shared] = f"layers.{{i}}.mlp.shared.{own}.weight"
        recurrent: Names = {
            **{f"{LAYER}{released}.weight": f"{OWN}{own}.weight" for released, own in PRODUCTS.items()},
            f"{LAYER}A_log": ((f"{OWN}log_a",), OfHeads()),
            f"{LAYER}dt_bias": f"{OWN}dt_bias",
            f"{LAYER}o_norm.weight": f"{OWN}norm.weight",
        }
        width = next((mixer.inner for mixer in mixers if isinstance(mixer, KimiDelta)), 0)
        for number, part in enumerate("qkv"):
            rows = (f"{OWN}convolution.weight[{number * width}:{(number + 1) * width}]",)
            recurrent[f"{LAYER}{part}_conv1d.weight"] = (rows, Taps())
        attention = {name: own for name, own in names.items() if "self_attn" in name}
        common = {name: own for name, own in names.items() if name not in attention}
        return {
            **common,
            **experts,
            **in_layers_of(spec, "latent", {**attention}),
            **in_layers_of(spec, "kimi_delta", recurrent),
        }


def _kinds(config: Config, linear: Config, count: int) -> list[str]:
    """The kind of each layer: by `layer_types`, or as the release has it, by the numbers of those, counted from 1."""
    full = linear.take(
        "full_attn_layers", default=[layer for layer in range(1, count + 1) if layer % 4 == 1 and layer > 1]
    )
    assumed = [ATTENTION if layer in full else LINEAR for layer in range(1, count + 1)]
    linear.expect("kda_layers", [layer for layer in range(1, count + 1) if layer not in full])
    kinds: list[str] = config.take("layer_types", default=assumed)
    if set(kinds) - {ATTENTION, LINEAR} or len(kinds) != count:
        config.refuse("layer_types", kinds, f"expected {count} of {ATTENTION} and {LINEAR}")
    return kinds


def _recurrent(config: Config, linear: Config) -> dict[str, Any]:
    """Kimi delta attention, whose sizes the release states apart."""
    sizes = {"num_heads": 32, "head_dim": 128, "short_conv_kernel_size": 4}
    heads, channels, taps = (
        linear.take(name, default=config.take(LINEAR_PART[name], default=usual)) for name, usual in sizes.items()
    )
    return {"mixer": {"kind": "kimi_delta", "num_heads": heads, "head_dim": channels, "taps": taps}}
