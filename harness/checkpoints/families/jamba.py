"""Jamba: Mamba in most layers, attention without positions in the other, and experts in every second."""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar

from harness.checkpoints.config import Config
from harness.checkpoints.experts import expert_names, with_experts
from harness.checkpoints.families import SILU, Document, Fields, families, with_choices
from harness.checkpoints.families.bamba import RENAMED
from harness.checkpoints.families.llama import NAMES, Llama
from harness.checkpoints.layout import Templates
from harness.checkpoints.recurrent import ATTENTION, LINEAR, in_kinds, in_layers_of, mamba_names, rank_of
from harness.spec.model import Spec


@families.register("jamba")
class Jamba(Llama, called="Jamba"):
    """Jamba v0.1, 1.5 and 1.6."""

    source = ("transformers, models/jamba", "https://github.com/huggingface/transformers")

    activations: ClassVar[Mapping[str, dict[str, str]]] = SILU
    defaults: ClassVar[Fields] = {
        "num_key_value_heads": 8,
        "intermediate_size": 14336,
        "max_position_embeddings": 262144,
    }
    sizes: ClassVar[Fields] = {}
    absent = ("attention_bias", "mlp_bias")

    def document(self, config: Config) -> Document:
        """LLaMA's without positions, with the mixer of the other layers and with experts."""
        config.ignore("use_mamba_kernels", "use_mambapy", "use_associative_scan", "num_logits_to_keep", "layer_types")
        config.ignore("layers_block_type", "layers_num_experts", "sliding_window", "calc_logits_for_entire_prompt")
        inner = config.take("mamba_expand", default=2) * config.take("hidden_size")
        recurrent = {
            "kind": "mamba",
            "inner_size": inner,
            "state_size": config.take("mamba_d_state", default=16),
            "rank": rank_of(config, "mamba_dt_rank"),
            "taps": config.take("mamba_d_conv", default=4),
            "convolution_bias": config.take("mamba_conv_bias", default=True),
            "bias": config.take("mamba_proj_bias", default=False),
            "inner_norms": "gains",
        }
        config.expect("mamba_inner_layernorms", True)
        document = with_choices(super().document(config), position="none")
        count, total = document["dims"]["num_layers"], config.take("num_experts", default=16)
        attends, sparse = _every(config, "attn", 8, 4, count), _every(config, "expert", 2, 1, count)
        kinds = [ATTENTION if each else LINEAR for each in attends]
        document = in_kinds(document, kinds, {ATTENTION: {}, LINEAR: {"mixer": recurrent}})
        chosen = config.take("num_experts_per_tok", default=2)
        if total == 1 or not any(sparse):
            return document
        experts = {"num_experts": total, "experts_per_token": chosen, "normalised": False}
        width = document["choices"]["mlp"]["intermediate_size"]
        return with_experts(document, experts, width, sparse)

    def templates(self, spec: Spec) -> Templates:
        """LLaMA's in other words, and Mamba's."""
        names = {**NAMES, **expert_names(router="router")}
        for ours, theirs in RENAMED.items():
            names = {name.replace(ours, theirs): own for name, own in names.items()}
        return {**names, **in_layers_of(spec, "mamba", mamba_names("model.layers.{i}.mamba."))}


def _every(config: Config, what: str, period: int, offset: int, count: int) -> list[bool]:
    """Whether a layer is one of those that stand at an offset in each period."""
    period = config.take(f"{what}_layer_period", default=period)
    offset = config.take(f"{what}_layer_offset", default=offset)
    return [layer % period == offset for layer in range(count)]
