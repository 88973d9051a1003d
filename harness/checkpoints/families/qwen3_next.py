"""Qwen3-Next: gated DeltaNet in three layers of four, gated attention in the other, and experts."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

from harness.checkpoints.config import Config
from harness.checkpoints.experts import every_few, expert_names, with_experts
from harness.checkpoints.families import SILU, Document, Fields, families, with_mtp
from harness.checkpoints.families.gemma import one_plus
from harness.checkpoints.families.llama import HEAD_NORMS, NAMES, Llama
from harness.checkpoints.layout import Form, InHeads, Stacked, Templates
from harness.checkpoints.recurrent import ATTENTION, LINEAR, Names, Taps, in_kinds, in_layers_of, kinds_of
from harness.checkpoints.rotary import flattened
from harness.choices.mixers.gated_delta import GatedDelta
from harness.choices.mixers.softmax import Softmax
from harness.spec.model import Spec

OWN = "layers.{i}.mixer."
LAYER = "model.layers.{i}.linear_attn."
FEW = ("linear_num_value_heads", "linear_num_key_heads", "linear_key_head_dim", "linear_value_head_dim")


class GatedHybrid(Llama):
    """LLaMA's layout with gated attention in some layers and gated DeltaNet in the others; gains are stored less 1."""

    activations: ClassVar[Mapping[str, dict[str, str]]] = SILU
    defaults: ClassVar[Fields] = {"head_dim": 256, "rms_norm_eps": 1e-6}
    fraction = 0.25
    absent = ("mlp_bias",)

    def document(self, config: Config) -> Document:
        """LLaMA's, with the mixer of the other layers."""
        document = super().document(config)
        count, every = document["dims"]["num_layers"], config.take("full_attention_interval", default=4)
        assumed = [LINEAR if (layer + 1) % every else ATTENTION for layer in range(count)]
        kinds = kinds_of(config, assumed, count)
        assumptions = dict(zip(FEW, (32, 16, 128, 128), strict=True))
        values, keys, key_dim, value_dim = (config.take(name, default=assumptions[name]) for name in FEW)
        recurrent = {
            "kind": "gated_delta",
            "num_heads": values,
            "num_key_heads": keys,
            "key_dim": key_dim,
            "value_dim": value_dim,
            "taps": config.take("linear_conv_kernel_dim", default=4),
        }
        return in_kinds(document, kinds, {ATTENTION: {}, LINEAR: {"mixer": recurrent}})

    def attention(self, config: Config) -> dict[str, Any]:
        """Gated, each head of the queries and keys normalised."""
        return {**super().attention(config), "qk_norm": "head", "gated": True}

    def templates(self, spec: Spec) -> Templates:
        """LLaMA's, with a gate beside each query, and the tensors of the recurrence."""
        names: Names = {**one_plus({**NAMES, **HEAD_NORMS})}
        attention = next((layer.mixer for layer, _ in spec.counted_layers if isinstance(layer.mixer, Softmax)), None)
        if attention:
            for part in ("weight", "bias"):
                both = (f"{OWN}query.{part}", f"{OWN}gate.{part}")
                names[f"model.layers.{{i}}.self_attn.q_proj.{part}"] = (both, InHeads(attention.num_heads))
        recurrent = next((layer.mixer for layer, _ in spec.counted_layers if isinstance(layer.mixer, GatedDelta)), None)
        if recurrent:
            names |= in_layers_of(spec, "gated_delta", {**_COMMON, **self.products(recurrent)})
        return names

    def products(self, recurrent: GatedDelta) -> Names:
        """Names of the products of the recurrence."""
        raise NotImplementedError


_COMMON: Names = {
    f"{LAYER}A_log": f"{OWN}log_a",
    f"{LAYER}dt_bias": f"{OWN}dt_bias",
    f"{LAYER}conv1d.weight": ((f"{OWN}convolution.weight",), Taps()),
    f"{LAYER}norm.weight": f"{OWN}norm.weight",
    f"{LAYER}out_proj.weight": f"{OWN}out.weight",
}


def _made(*parts: str) -> tuple[str, ...]:
    return tuple(f"{OWN}{part}.weight" for part in parts)


@families.register("qwen3_next")
class Qwen3Next(GatedHybrid, called="Qwen"):
    """Qwen3-Next-80B-A3B. Its config does not tell of the multi-token prediction that its release holds."""

    source = ("transformers, models/qwen3_next", "https://github.com/huggingface/transformers")

    defaults: ClassVar[Fields] = {**GatedHybrid.defaults, "num_key_value_heads": 2}
    sizes: ClassVar[Fields] = {}
    ignored = (".rotary_emb.inv_freq", "mtp.")

    def document(self, config: Config) -> Document:
        """With experts, and one that every token goes through, weighted by a gate."""
        document = super().document(config)
        experts = {
            "num_experts": config.take("num_experts", default=512),
            "experts_per_token": config.take("num_experts_per_tok", default=10),
            "normalised": config.take("norm_topk_prob", default=True),
            "shared_size": config.take("shared_expert_intermediate_size", default=512),
            "shared_gate": True,
        }
        width = config.take("moe_intermediate_size", default=512)
        return with_experts(document, experts, width, every_few(config, document["dims"]["num_layers"]))

    def products(self, recurrent: GatedDelta) -> Names:
        """Two matrices, key head by key head."""
        form: Form = InHeads(recurrent.key_heads)
        return {
            f"{LAYER}in_proj_qkvz.weight": (_made("query", "key", "value", "gate"), form),
            f"{LAYER}in_proj_ba.weight": (_made("beta", "decay"), form),
        }

    def templates(self, spec: Spec) -> Templates:
        """With the experts."""
        return {**super().templates(spec), **expert_names(shared="shared_expert")}


@families.register("qwen3_5_text")
class Qwen35(GatedHybrid, called="Qwen"):
    """The text models of Qwen3.5 that are dense."""

    source = ("transformers, models/qwen3_5", "https://github.com/huggingface/transformers")

    defaults: ClassVar[Fields] = {**GatedHybrid.defaults, "num_key_value_heads": 4}
    sizes: ClassVar[Fields] = {
        "vocab_size": 248320,
        "hidden_size": 4096,
        "intermediate_size": 12288,
        "num_hidden_layers": 32,
        "num_attention_heads": 16,
        "max_position_embeddings": 32768,
    }
    ignored = (".rotary_emb.inv_freq", "mtp.")

    def document(self, config: Config) -> Document:
        """Positions of one dimension, which those of images and text are for a text alone."""
        config.ignore("mlp_only_layers", "mamba_ssm_dtype")
        config.expect("mtp_use_dedicated_embeddings", False)
        further = config.take("mtp_num_hidden_layers", default=0)
        if further > 1:
            config.refuse("mtp_num_hidden_layers", further, "expected 0 or 1")
        config.expect("attn_output_gate", True)
        return with_mtp(super().document(flattened(config)), further)

    def products(self, recurrent: GatedDelta) -> Names:
        """Queries, keys and values in one matrix, the rest each in one."""
        names: Names = {f"{LAYER}in_proj_qkv.weight": (_made("query", "key", "value"), Stacked())}
        for released, own in (("z", "gate"), ("b", "beta"), ("a", "decay")):
            names[f"{LAYER}in_proj_{released}.weight"] = f"{OWN}{own}.weight"
        return names


@families.register("qwen3_5_moe_text")
class Qwen35Moe(Qwen35, called="Qwen"):
    """The text models of Qwen3.5 with experts."""

    source = ("transformers, models/qwen3_5_moe", "https://github.com/huggingface/transformers")

    defaults: ClassVar[Fields] = {**GatedHybrid.defaults, "num_key_value_heads": 2, "intermediate_size": 1}
    sizes: ClassVar[Fields] = {
        "vocab_size": 248320,
        "hidden_size": 2048,
        "num_hidden_layers": 40,
        "num_attention_heads": 16,
        "max_position_embeddings": 32768,
    }

    def document(self, config: Config) -> Document:
        """With experts whose weights are a softmax over those that are chosen."""
        document = super().document(config)
        experts = {
            "num_experts": config.take("num_experts", default=256),
            "experts_per_token": config.take("num_experts_per_tok", default=8),
            "normalised": True,
            "shared_size": config.take("shared_expert_intermediate_size", default=512),
            "shared_gate": True,
        }
        width = config.take("moe_intermediate_size", default=512)
        return with_experts(document, experts, width, [True] * document["dims"]["num_layers"])

    def templates(self, spec: Spec) -> Templates:
        """With the experts."""
        return {**super().templates(spec), **expert_names(shared="shared_expert")}
