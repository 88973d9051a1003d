"""Families with code of their own that transformers does not hold: tiny models of families that compute the same."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import save_file
from torch import Tensor
from transformers import PreTrainedModel

from tests.checkpoints.tiny import BARE, BASE, DYNAMIC, GPT, LOCAL_EXPERTS, config_of, random_model

Tensors = dict[str, Tensor]


@dataclass(frozen=True)
class SameAs:
    """A config of a family, and a family of transformers with the config that computes the same.

    Attributes:
        own: the fields of the config, without its `model_type`.
        kind: the `model_type` of the reference.
        fields: of the reference's config.
        names: parts of the reference's names, as regular expressions, and what the family calls them.
        packed: what else is done to the tensors.
    """

    own: dict[str, Any]
    kind: str
    fields: dict[str, Any]
    names: dict[str, str] = field(default_factory=dict)
    packed: Callable[[Tensors], Tensors] = lambda tensors: tensors

    def checkpoint(self, model_type: str, folder: Path) -> PreTrainedModel:
        """Write a checkpoint of the family, and give the reference."""
        reference = random_model(config_of(self.kind, self.fields))
        head = "lm_head.weight", "embed_out.weight"
        stored = {name: tensor.detach() for name, tensor in reference.state_dict().items()}
        if reference.config.tie_word_embeddings:
            stored = {name: tensor for name, tensor in stored.items() if name not in head}
        tensors = self.packed(stored)
        for pattern, own in self.names.items():
            tensors = {re.sub(pattern, own, name): tensor for name, tensor in tensors.items()}
        folder.mkdir(exist_ok=True)
        save_file({name: tensor.contiguous() for name, tensor in tensors.items()}, folder / "model.safetensors")
        (folder / "config.json").write_text(json.dumps({"model_type": model_type, **self.own}), encoding="utf-8")
        return reference


def renamed(**names: str) -> dict[str, Any]:
    """BASE with some fields under other names."""
    return {names.get(name, name): value for name, value in BASE.items()}


def in_groups(tensors: Tensors) -> Tensors:
    """Queries, keys and values of two key-value heads with two query heads each, in one matrix."""
    packed = {}
    for name, tensor in tensors.items():
        if ".q_proj." in name:
            parts = [tensors[name.replace(".q_proj.", f".{part}_proj.")] for part in "qkv"]
            groups = [part.unflatten(0, (2, width, 8)) for part, width in zip(parts, (2, 1, 1), strict=True)]
            packed[name.replace(".self_attn.q_proj.", ".attention.wqkv.")] = torch.cat(groups, 1).flatten(0, 2)
        elif not re.search(r"\.[kv]_proj\.", name):
            packed[name] = tensor
    return packed


def in_one(tensors: Tensors) -> Tensors:
    """Queries, keys and values in one matrix, one kind below the other."""
    packed = {}
    for name, tensor in tensors.items():
        if ".q_proj." in name:
            parts = [tensors[name.replace(".q_proj.", f".{part}_proj.")] for part in "qkv"]
            packed[name.replace(".self_attn.q_proj.", ".mixer.Wqkv.")] = torch.cat(parts)
        elif not re.search(r"\.[kv]_proj\.", name):
            packed[name] = tensor
    return packed


def taken_apart(tensors: Tensors) -> Tensors:
    """Queries by themselves, keys and values together, matrices [in, out]."""
    apart = {}
    for name, tensor in tensors.items():
        weight = name.endswith(".weight")
        if ".c_attn." in name:
            query, rest = tensor[:32], tensor[32:]
            apart[name.replace("c_attn", "q_attn")] = query.T if weight else query
            apart[name.replace("c_attn", "kv_attn")] = rest.T if weight else rest
        else:
            apart[name] = tensor.T if weight and re.search(r"\.c_(proj|fc)\.", name) else tensor
    return apart


def expert_by_expert(tensors: Tensors) -> Tensors:
    """Experts that the reference keeps in one tensor, as releases store them."""
    apart = {name: tensor for name, tensor in tensors.items() if ".experts." not in name}
    for name, tensor in tensors.items():
        for number, expert in enumerate(tensor if ".experts." in name else ()):
            one = name.replace(".experts.", f".experts.{number}.")
            if "gate_up_proj" in name:
                for part, rows in zip(("gate_proj", "up_proj"), expert.chunk(2), strict=True):
                    apart[one.replace("gate_up_proj", f"{part}.weight")] = rows.clone()
            else:
                apart[f"{one}.weight"] = expert.clone()
    return apart


def out_of_one(tensors: Tensors) -> Tensors:
    """Experts of Granite, and what every token goes through, each with gate and up of its own."""
    apart = {}
    for name, tensor in tensors.items():
        if ".block_sparse_moe.experts." in name or ".shared_mlp." in name:
            several = ".experts." in name
            for number, expert in enumerate(tensor if several else (tensor,)):
                stem = name.split(".block_sparse_moe" if several else ".shared_mlp")[0] + ".mlp."
                stem += f"experts.{number}." if several else "shared_experts."
                into = "gate_up" in name or "input_linear" in name
                parts = zip(("gate", "up"), expert.chunk(2), strict=True) if into else [("down", expert)]
                apart |= {f"{stem}{part}_proj.weight": rows.clone() for part, rows in parts}
        else:
            apart[name] = tensor
    return apart


KIMI = {
    **BASE,
    "num_key_value_heads": 4,
    "q_lora_rank": 20,
    "kv_lora_rank": 12,
    "qk_nope_head_dim": 8,
    "qk_rope_head_dim": 4,
    "v_head_dim": 6,
    "n_routed_experts": 6,
    "moe_intermediate_size": 20,
    "num_experts_per_tok": 2,
    "n_group": 1,
    "topk_group": 1,
    "first_k_dense_replace": 1,
}
GRANITE = {
    **BASE,
    "num_experts_per_tok": 2,
    "embedding_multiplier": 1.0,
    "residual_multiplier": 1.0,
    "logits_scaling": 1.0,
    "attention_multiplier": 8**-0.5,
}
PUZZLE = {"attention": {"n_heads_in_group": 2, "no_op": False}, "ffn": {"ffn_mult": 1.5, "no_op": False}}
ORION = {**BASE, "rms_norm_eps": 1e-5, "num_key_value_heads": 4}
MINICPM = {"scale_emb": 12, "scale_depth": 1.4, "dim_model_base": 16, "tie_word_embeddings": True}
PHI = {"vocab_size": 99, "n_embd": 32, "n_layer": 3, "n_head": 4, "n_positions": 40, "rotary_dim": 4, "n_inner": 52}
RW = {"vocab_size": 99, "hidden_size": 32, "n_layer": 3, "n_head": 4}
MINIMAX = SameAs(
    {
        **LOCAL_EXPERTS,
        "attn_type_list": [0, 0, 1],
        **{f"layernorm_{called}_alpha": 1.5 for called in ("full_attention", "linear_attention", "mlp")},
        "layernorm_mlp_beta": 1.0,
        "postnorm": True,
        "shared_intermediate_size": 0,
        "shared_moe_mode": "sigmoid",
        "head_dim": 8,
        "rotary_dim": 8,
    },
    "minimax",
    {
        **LOCAL_EXPERTS,
        "layer_types": ["linear_attention", "linear_attention", "full_attention"],
        **{f"{short}_alpha_factor": 1.5 for short in ("full_attn", "linear_attn", "mlp")},
    },
    {r"\.mlp\.": ".block_sparse_moe.", r"\.gate_proj": ".w1", r"\.up_proj": ".w3", r"\.down_proj": ".w2"},
    expert_by_expert,
)

SAME_AS: dict[str, list[SameAs]] = {
    "internlm": [
        SameAs({**BASE, "bias": True}, "llama", {**BASE, "attention_bias": True}),
        SameAs(
            {**BASE, "bias": False, "rotary": {"base": 100.0, "type": "dynamic", "scaling_factor": 3.0}}
            | {"max_position_embeddings": 8},
            "llama",
            {**BASE, "rope_parameters": DYNAMIC, "max_position_embeddings": 8},
        ),
    ],
    "kimi_k2": [SameAs(KIMI, "deepseek_v3", KIMI, packed=expert_by_expert)],
    "aquila": [SameAs(BASE, "llama", BASE)],
    "xverse": [SameAs({**BASE, "max_tokenizer_truncation": 9}, "llama", BASE)],
    "Yi": [SameAs(BASE, "llama", BASE, {"input_layernorm": "ln1", "post_attention_layernorm": "ln2"})],
    "internlm2": [
        SameAs(
            {**BASE, "bias": bias},
            "llama",
            {**BASE, "attention_bias": bias},
            {
                "embed_tokens": "tok_embeddings",
                "lm_head": "output",
                r"self_attn\.o_proj": "attention.wo",
                "input_layernorm": "attention_norm",
                "post_attention_layernorm": "ffn_norm",
                r"mlp\.gate_proj": "feed_forward.w1",
                r"mlp\.down_proj": "feed_forward.w2",
                r"mlp\.up_proj": "feed_forward.w3",
            },
            in_groups,
        )
        for bias in (False, True)
    ],
    "exaone": [
        SameAs(
            {
                **renamed(num_hidden_layers="num_layers"),
                "activation_function": "silu",
                "layer_norm_epsilon": 1e-6,
                "tie_word_embeddings": False,
            },
            "llama",
            BASE,
            {
                r"model\.layers": "transformer.h",
                r"model\.embed_tokens": "transformer.wte",
                r"model\.norm": "transformer.ln_f",
                "input_layernorm": "ln_1",
                "post_attention_layernorm": "ln_2",
                r"self_attn\.o_proj": "attn.attention.out_proj",
                "self_attn": "attn.attention",
                "gate_proj": "c_fc_0",
                "up_proj": "c_fc_1",
                "down_proj": "c_proj",
            },
        )
    ],
    "minicpm": [
        SameAs(
            {**BASE, **MINICPM},
            "granite",
            {
                **BASE,
                "embedding_multiplier": 12.0,
                "residual_multiplier": 1.4 / 3**0.5,
                "logits_scaling": 2.0,
                "attention_multiplier": 8**-0.5,
                "tie_word_embeddings": True,
            },
        ),
        SameAs(
            {**BASE, **MINICPM, "num_experts": 6, "num_experts_per_tok": 2},
            "granitemoe",
            {
                **GRANITE,
                "embedding_multiplier": 12.0,
                "residual_multiplier": 1.4 / 3**0.5,
                "logits_scaling": 2.0,
                "tie_word_embeddings": True,
                "num_local_experts": 6,
            },
            {
                r"block_sparse_moe\.router": "mlp.gate",
                r"(experts\.\d)\.gate_proj": r"\1.w1",
                r"(experts\.\d)\.up_proj": r"\1.w3",
                r"(experts\.\d)\.down_proj": r"\1.w2",
            },
            out_of_one,
        ),
    ],
    "minimax_text_01": [MINIMAX],
    "deepseek": [
        SameAs(
            {
                **BASE,
                "n_routed_experts": 6,
                "num_experts_per_tok": 2,
                "norm_topk_prob": True,
                "moe_intermediate_size": 20,
                "n_shared_experts": shared,
                "first_k_dense_replace": 0,
            },
            "granitemoeshared",
            {**GRANITE, "intermediate_size": 20, "shared_intermediate_size": 20 * shared, "num_local_experts": 6},
            {r"block_sparse_moe\.router": "mlp.gate"},
            out_of_one,
        )
        for shared in (0, 2)
    ],
    "minimax_m1": [MINIMAX],
    "mimo": [SameAs({**BASE, "attention_bias": True, "use_mrope": False}, "qwen2", BASE)],
    "orion": [SameAs(ORION, "stablelm", {**ORION, "layer_norm_eps": 1e-5, "partial_rotary_factor": 1.0})],
    "phi-msft": [
        SameAs(
            PHI,
            "phi",
            {**BASE, "num_key_value_heads": 4, "partial_rotary_factor": 0.5},
            {
                r"model\.layers": "transformer.h",
                r"model\.embed_tokens": "transformer.embd.wte",
                r"model\.final_layernorm": "lm_head.ln",
                r"lm_head\.(weight|bias)": r"lm_head.linear.\1",
                "input_layernorm": "ln",
                r"self_attn\.dense": "mixer.out_proj",
            },
            in_one,
        )
    ],
    "nemotron-nas": [
        SameAs(
            {**BASE, "num_key_value_heads": None, "intermediate_size": None, "block_configs": [PUZZLE] * 3},
            "llama",
            {**BASE, "intermediate_size": 256},
        )
    ],
    "stablelm_epoch": [
        SameAs({**BASE, "rope_pct": 0.5, "norm_eps": 1e-5}, "stablelm", {**BASE, "partial_rotary_factor": 0.5})
    ],
    "RefinedWebModel": [
        SameAs({**RW, "multi_query": True, "parallel_attn": True}, "falcon", BARE),
        SameAs(
            {**RW, "multi_query": False, "parallel_attn": False, "alibi": True, "bias": True},
            "falcon",
            {**BARE, "multi_query": False, "parallel_attn": False, "alibi": True, "bias": True},
        ),
    ],
    "RefinedWeb": [
        SameAs(
            {**RW, "n_head_kv": 2, "parallel_attn": True},
            "falcon",
            {**BARE, "new_decoder_architecture": True, "num_kv_heads": 2},
        )
    ],
}
"""model_type -> what computes the same."""

SANTACODER = SameAs(
    {**GPT, "attention_head_type": "multiquery", "activation_function": "gelu_fast"},
    "gpt_bigcode",
    {**GPT, "activation_function": "gelu_pytorch_tanh"},
    packed=taken_apart,
)
"""SantaCoder's configs have the `model_type` gpt2."""
