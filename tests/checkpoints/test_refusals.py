"""Configs that no spec can express are refused, and the field is named."""

from __future__ import annotations

from typing import Any

import pytest

from harness.checkpoints.translate import import_config
from harness.errors import HarnessError
from tests.checkpoints.tiny import (
    BARE,
    BASE,
    BLOOM,
    GPT,
    GPT_NEO,
    LINEAR,
    MPT,
    MULTI_HEAD,
    NEOX,
    OPT,
    XGLM,
    YARN,
    config_of,
)

LONGROPE = {
    "rope_type": "longrope",
    "rope_theta": 10000.0,
    "short_factor": [1.0] * 4,
    "long_factor": [2.0] * 4,
    "original_max_position_embeddings": 20,
}
GLOBAL = {**GPT_NEO, "attention_types": [[["global"], 3]]}
NEW = {**BARE, "new_decoder_architecture": True, "num_kv_heads": 2}

COMPASS = {**BASE, "rope_parameters": {"full_attention": {"rope_type": "default", "rope_theta": 50.0}}}

REFUSED: list[tuple[str, dict[str, Any], dict[str, Any], str]] = [
    ("bloom", {**BLOOM, "hidden_size": 64}, {"apply_residual_connection_post_layernorm": True}, ""),
    ("bert-generation", {**MULTI_HEAD, "pad_token_id": 0}, {"is_decoder": False}, ""),
    ("bert-generation", {**MULTI_HEAD, "pad_token_id": 0, "is_decoder": True}, {"tie_word_embeddings": False}, ""),
    ("cohere_compass_text", COMPASS, {"rope_parameters": {"rope_type": "default", "rope_theta": 50.0}}, ""),
    ("cohere_compass_text", COMPASS, {"rope_theta": 50.0}, ""),
    ("cohere2", BASE, {"layer_switch": 2, "layer_types": None}, ""),
    ("ctrl", {**GPT, "dff": 52}, {"layer_norm_epsilon": 1e-5}, ""),
    ("falcon", BARE, {"alibi": True}, ""),
    ("falcon", BARE, {"num_ln_in_parallel_attn": 2}, ""),
    ("falcon", {**BARE, "multi_query": False}, {"num_kv_heads": 2}, ""),
    ("falcon", NEW, {"parallel_attn": False}, "new_decoder_architecture"),
    ("falcon", NEW, {"num_ln_in_parallel_attn": 3}, ""),
    ("falcon", BARE, {"activation": "silu"}, ""),
    ("gemma2", BASE, {"sliding_window_pattern": 3}, ""),
    ("gpt2", GPT, {"scale_attn_weights": False}, ""),
    ("gpt2", GPT, {"scale_attn_by_inverse_layer_idx": True}, ""),
    ("gpt_bigcode", GPT, {"scale_attn_weights": False}, ""),
    ("gpt_neo", GLOBAL, {"attention_types": [[["global"], 2]], "attention_layers": None}, ""),
    ("gpt_neo", GLOBAL, {"attention_layers": ["local"] * 3}, ""),
    ("gpt_neo", GLOBAL, {"attention_types": [[["sparse"], 3]], "attention_layers": None}, ""),
    ("gpt_neox", NEOX, {"rope_parameters": {"rope_type": "dynamic", "rope_theta": 1e4, "factor": 2.0}}, ""),
    ("gpt_neox", NEOX, {"rope_theta": 500.0}, ""),
    ("gpt_neox", NEOX, {"partial_rotary_factor": 0.5}, ""),
    ("mpt", MPT, {"attn_config": {"alibi": False}}, "alibi"),
    ("mpt", MPT, {"attn_config": {"alibi_bias_max": 16}}, "alibi_bias_max"),
    ("mpt", MPT, {"attn_config": {"clip_qkv": 6.0}}, "clip_qkv"),
    ("mpt", MPT, {"attn_config": {"attn_type": "multiquery_attention"}}, "attn_type"),
    ("mpt", MPT, {"attn_config": {"kv_n_heads": 2}}, "kv_n_heads"),
    ("mpt", MPT, {"logit_scale": 0.5}, ""),
    ("mpt", MPT, {"expansion_ratio": 2}, ""),
    ("opt", OPT, {"word_embed_proj_dim": 16}, ""),
    ("opt", OPT, {"_remove_final_layer_norm": True}, ""),
    ("persimmon", MULTI_HEAD, {"num_key_value_heads": 2}, ""),
    ("phi3", BASE, {"attention_bias": True}, ""),
    ("phi3", BASE, {"rope_parameters": LONGROPE}, ""),
    ("phi3", BASE, {"rope_parameters": LINEAR}, ""),
    ("phi3", BASE, {"rotary_pct": 0.5}, ""),
    ("phi3", BASE, {"rope_scaling": YARN}, ""),
    ("llama", BASE, {"rope_parameters": LONGROPE}, ""),
    ("llama", BASE, {"rope_parameters": {"rope_type": "dynamic", "rope_theta": 1e4, "factor": 2.0}}, ""),
    ("llama", BASE, {"rope_parameters": {**YARN, "finetuned": True}}, ""),
    ("llama", BASE, {"rope_parameters": {"rope_type": "yarn", "rope_theta": 1e4}}, ""),
    ("llama", BASE, {"rope_parameters": {**YARN, "factor": "4"}}, ""),
    ("llama", BASE, {"rope_parameters": {**YARN, "original_max_position_embeddings": None}}, ""),
    ("llama", BASE, {"rope_parameters": {"rope_type": "default", "rope_theta": None}}, ""),
    ("llama", BASE, {"partial_rotary_factor": 0.5}, ""),
    ("llama", BASE, {"rope_parameters": {**LINEAR, "partial_rotary_factor": 0.5}}, "partial_rotary_factor"),
    ("olmo3", BASE, {"rope_parameters": {"full_attention": {**YARN, "truncate": False}}}, ""),
    ("olmo3", BASE, {"rope_local_base_freq": 10.0}, ""),
    ("qwen2", BASE, {"mlp_bias": True}, ""),
    ("stablelm", BASE, {"qk_layernorm": True}, ""),
    ("starcoder2", BASE, {"norm_type": "rms_norm"}, ""),
    ("starcoder2", BASE, {"layer_norm_epsilon": 0.1}, ""),
    ("xglm", XGLM, {"add_cross_attention": True}, ""),
    ("xglm", XGLM, {"pad_token_id": 5}, ""),
]


@pytest.mark.parametrize(
    ("kind", "fields", "changed", "named"),
    [
        pytest.param(*case, id=f"{case[0]}-{case[3] or next(iter(case[2]))}-{number}")
        for number, case in enumerate(REFUSED)
    ],
)
def test_what_cannot_be_expressed_is_named(
    kind: str, fields: dict[str, Any], changed: dict[str, Any], named: str
) -> None:
    config = config_of(kind, fields).to_dict()
    with pytest.raises(HarnessError, match=f"field '{named or next(iter(changed))}' = .* cannot be expressed"):
        import_config({**config, **changed})


@pytest.mark.parametrize(
    "fields",
    [
        {"rope_scaling": "linear"},
        {"rope_parameters": [1]},
        {"rope_parameters": {"rope_type": ["yarn"], "rope_theta": 1e4}},
        {"rope_scaling": {"rope_type": "yarn", "factor": None}, "max_position_embeddings": "64"},
        {"rope_scaling": {"rope_type": "yarn", "factor": 2.0, "mscale": 1.0, "mscale_all_dim": -1e9}},
        {"hidden_act": ["silu"]},
        {"num_hidden_layers": "two"},
    ],
)
def test_values_of_another_type_or_size_are_refused_and_no_traceback(fields: dict[str, Any]) -> None:
    sizes = {"vocab_size": 96, "hidden_size": 32, "intermediate_size": 48, "num_attention_heads": 4}
    config = {
        "model_type": "llama",
        **sizes,
        "num_hidden_layers": 2,
        "max_position_embeddings": 64,
        "rms_norm_eps": 1e-6,
    }
    import_config(config)
    with pytest.raises(HarnessError):
        import_config({**config, **fields})


@pytest.mark.parametrize(("kind", "one", "other"), [("bloom", "n_head", "num_attention_heads")])
def test_two_names_of_a_field_that_disagree_are_refused(kind: str, one: str, other: str) -> None:
    config = {"model_type": kind, "vocab_size": 96, "hidden_size": 32, "n_layer": 2, one: 4}
    assert import_config({**config, other: 4}).layer(0).attention.num_heads == 4
    with pytest.raises(HarnessError, match=f"field '{other}' = 8 cannot be expressed"):
        import_config({**config, other: 8})
