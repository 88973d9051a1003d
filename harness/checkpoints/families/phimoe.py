"""Phi-3.5-MoE: LLaMA's layout with LayerNorm, and two experts a token by SparseMixer."""

from __future__ import annotations

from typing import ClassVar

from harness.checkpoints.config import Config
from harness.checkpoints.experts import expert_names, with_experts
from harness.checkpoints.families import Document, Fields, families, head, with_choices
from harness.checkpoints.families.llama import NAMES, Llama
from harness.checkpoints.layout import Templates
from harness.checkpoints.rotary import parameters_of
from harness.spec.model import Spec

JITTER = 0.01
"""The share of its training noise by which SparseMixer decides what comes near."""


@families.register("phimoe")
class PhiMoe(Llama, called="Phi"):
    """Phi-3.5-MoE."""

    source = ("transformers, models/phimoe", "https://github.com/huggingface/transformers")

    defaults: ClassVar[Fields] = {"num_key_value_heads": 8, "rms_norm_eps": 1e-5, "rope_theta": 1e6}
    sizes: ClassVar[Fields] = {}
    absent = ("mlp_bias",)

    def document(self, config: Config) -> Document:
        """LLaMA's, with another norm, a bias on the head, and experts."""
        config.expect("router_jitter_noise", JITTER)
        config.ignore("input_jitter_noise")  # of training
        parameters = parameters_of(config)
        stretch = parameters.take("short_mscale", default=None, of=float)
        if stretch:
            parameters.expect("long_mscale", stretch)
            config = config.with_part(parameters, parameters.with_fields(attention_factor=stretch))
        document = super().document(config)
        window = config.take("sliding_window", default=None)
        experts = {
            "num_experts": config.take("num_local_experts", default=16),
            "experts_per_token": config.take("num_experts_per_tok", default=2),
            "score": "sparsemixer",
            "normalised": False,
        }
        document = with_choices(
            document,
            norm={"kind": "layernorm", "eps": document["choices"]["norm"]["eps"]},
            head=head(config, tied=False, bias=config.take("lm_head_bias", default=False)),
            pattern={"kind": "banded", "window": window} if window else "dense",
        )
        width = document["choices"]["mlp"]["intermediate_size"]
        return with_experts(document, experts, width, [True] * document["dims"]["num_layers"])

    def templates(self, spec: Spec) -> Templates:
        """Mixtral's, with biases of the norms and of the head."""
        norms = {
            name.replace(".weight", ".bias"): own.replace(".weight", ".bias")
            for name, own in NAMES.items()
            if "norm" in name or "lm_head" in name
        }
        return {**NAMES, **norms, **expert_names(stem="block_sparse_moe", projections=("w1", "w3", "w2"))}
