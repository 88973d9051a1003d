"""Configs that no spec can express are refused, and the field is named."""

from __future__ import annotations

import re
from typing import Any

import pytest

from harness.checkpoints.translate import import_config
from harness.errors import HarnessError
from tests.checkpoints.tiny import (
    BARE,
    BASE,
    BLOOM,
    DELTA_EXPERTS,
    FALCON_H1,
    GPT,
    GPT_NEO,
    JAMBA,
    KIMI,
    LINEAR,
    LLAMA4,
    LOCAL_EXPERTS,
    MAMBA_PREFIXED,
    MPT,
    MULTI_HEAD,
    NEOX,
    OLMO_HYBRID,
    OPT,
    XGLM,
    YARN,
    config_of,
)

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
    ("falcon", BARE, {"num_ln_in_parallel_attn": 2}, ""),
    ("falcon", {**BARE, "multi_query": False}, {"num_kv_heads": 2}, ""),
    ("falcon", NEW, {"parallel_attn": False}, "new_decoder_architecture"),
    ("falcon", NEW, {"num_ln_in_parallel_attn": 3}, ""),
    ("falcon", BARE, {"activation": "silu"}, ""),
    ("falcon_h1", FALCON_H1, {"mlp_multipliers": [0.5]}, ""),
    ("falcon_h1", FALCON_H1, {"ssm_multipliers": [0.5, 0.5, 0.5, 0.5, "half"]}, ""),
    ("falcon_h1", FALCON_H1, {"projectors_bias": True}, ""),
    ("falcon_h1", FALCON_H1, {"mamba_proj_bias": True, "projectors_bias": None}, "mamba_proj_bias"),
    ("falcon_h1", FALCON_H1, {"mamba_use_mlp": False}, ""),
    ("falcon_h1", FALCON_H1, {"mamba_d_head": 4}, ""),
    ("bamba", MAMBA_PREFIXED, {"hidden_act": "gelu"}, ""),
    ("falcon_h1", FALCON_H1, {"hidden_act": "gelu"}, ""),
    ("granitemoehybrid", MAMBA_PREFIXED, {"hidden_act": "gelu"}, ""),
    ("jamba", JAMBA, {"hidden_act": "gelu"}, ""),
    ("kimi_linear", KIMI, {"hidden_act": "gelu"}, ""),
    ("qwen3_next", DELTA_EXPERTS, {"hidden_act": "gelu"}, ""),
    ("falcon_h1", FALCON_H1, {"layers_block_type": ["hybrid", "mamba", "hybrid"]}, ""),
    ("gemma2", BASE, {"sliding_window_pattern": 3}, ""),
    ("gpt2", GPT, {"scale_attn_weights": False}, ""),
    ("gpt2", GPT, {"scale_attn_by_inverse_layer_idx": True}, ""),
    ("gpt_bigcode", GPT, {"scale_attn_weights": False}, ""),
    ("gpt_neo", GLOBAL, {"attention_types": [[["global"], 2]], "attention_layers": None}, ""),
    ("gpt_neo", GLOBAL, {"attention_layers": ["local"] * 3}, ""),
    ("gpt_neo", GLOBAL, {"attention_types": [[["sparse"], 3]], "attention_layers": None}, ""),
    ("gpt_neox", NEOX, {"rope_parameters": {"rope_type": "dynamic-yarn", "factor": 2.0}}, "rope_parameters.rope_type"),
    ("gpt_neox", NEOX, {"rope_theta": 500.0}, ""),
    ("gpt_neox", NEOX, {"partial_rotary_factor": 0.5}, ""),
    ("minimax", LOCAL_EXPERTS, {"full_attn_alpha_factor": 2.0}, ""),
    ("minimax", LOCAL_EXPERTS, {"mlp_beta_factor": 2.0}, "full_attn_beta_factor"),
    ("minimax", LOCAL_EXPERTS, {"hidden_act": "gelu"}, ""),
    ("minimax", LOCAL_EXPERTS, {"postnorm": False}, ""),
    ("minimax", LOCAL_EXPERTS, {"shared_intermediate_size": 9}, ""),
    ("minimax", LOCAL_EXPERTS, {"layer_types": ["linear_attention"] * 2}, ""),
    ("minimax", LOCAL_EXPERTS, {"attn_type_list": [0, 1, 1]}, ""),
    ("minimax", LOCAL_EXPERTS, {"layer_types": None, "attn_type_list": [0, 1, 1, 1]}, "attn_type_list"),
    ("mpt", MPT, {"attn_config": {"alibi": False}}, "attn_config.alibi"),
    ("mpt", MPT, {"attn_config": {"attn_type": "multiquery_attention"}}, "attn_config.attn_type"),
    ("mpt", MPT, {"attn_config": {"kv_n_heads": 2}}, "attn_config.kv_n_heads"),
    ("mpt", MPT, {"logit_scale": 0.5}, ""),
    ("mpt", MPT, {"expansion_ratio": 2}, ""),
    ("olmo_hybrid", OLMO_HYBRID, {"layer_types": ["full_attention", "sliding_attention", "linear_attention"]}, ""),
    ("olmo_hybrid", OLMO_HYBRID, {"hidden_act": "gelu"}, ""),
    ("olmo_hybrid", OLMO_HYBRID, {"mlp_bias": True}, ""),
    ("opt", OPT, {"_remove_final_layer_norm": True}, ""),
    ("persimmon", MULTI_HEAD, {"num_key_value_heads": 2}, ""),
    ("phi3", BASE, {"attention_bias": True}, ""),
    ("phi3", BASE, {"rope_parameters": LINEAR}, "rope_parameters.rope_type"),
    ("phi3", BASE, {"rotary_pct": 0.5}, ""),
    ("llama", BASE, {"rope_parameters": {**YARN, "finetune": True}}, "rope_parameters.finetune"),
    ("llama", BASE, {"rope_parameters": {**YARN, "factor": "4"}}, "rope_parameters.factor"),
    ("llama", BASE, {"partial_rotary_factor": 0.5}, ""),
    (
        "llama",
        BASE,
        {"rope_parameters": {**LINEAR, "partial_rotary_factor": 0.5}},
        "rope_parameters.partial_rotary_factor",
    ),
    (
        "olmo3",
        BASE,
        {"rope_parameters": {"full_attention": {**YARN, "truncate": False}}},
        "rope_parameters.full_attention.truncate",
    ),
    ("llama4_text", LLAMA4, {"rope_parameters": YARN}, "rope_parameters.attention_factor"),
    ("llama4_text", LLAMA4, {"rope_parameters": {**YARN, "attention_factor": 2.0}}, "rope_parameters.attention_factor"),
    ("olmo3", BASE, {"rope_local_base_freq": 10.0}, ""),
    ("qwen2", BASE, {"mlp_bias": True}, ""),
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
    name = re.escape(named or next(iter(changed)))
    with pytest.raises(HarnessError, match=f"field '{name}' = .* cannot be expressed"):
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
        {"num_hidden_layers": 2.0},
        {"tie_word_embeddings": "false"},
        {"attention_bias": 0},
        {"rope_theta": "10000"},
        {"rms_norm_eps": True},
        {"rope_scaling": {"rope_type": "yarn"}},
        {"rope_scaling": {"rope_type": "longrope", "factor": 2.0}},
        {"rope_scaling": {"rope_type": "longrope", "short_factor": [1.0], "long_factor": [1.0], "factor": 2.0}},
        {"rope_scaling": {"rope_type": "longrope", "short_factor": ["1"], "long_factor": [1.0], "factor": 2.0}},
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
    assert import_config({**config, other: 4}).layer(0).mixer.num_heads == 4
    with pytest.raises(HarnessError, match=f"field '{other}' = 8 cannot be expressed"):
        import_config({**config, other: 8})


PLAIN = {
    "model_type": "llama",
    "vocab_size": 96,
    "hidden_size": 32,
    "intermediate_size": 48,
    "num_attention_heads": 4,
    "num_hidden_layers": 2,
    "max_position_embeddings": 64,
    "rms_norm_eps": 1e-6,
}


@pytest.mark.parametrize(
    "fields",
    [
        {"use_mrope": False, "rope_interleaved": False, "is_decoder": False, "pruned_heads": {}, "moe": None},
        {"is_llama_config": True, "transformers.js_config": {"dtype": "q4"}, "unsloth_version": "2025.1"},
        {"_attn_implementation_autoset": True, "_from_model_config": True, "_commit_hash": "abc"},
        {"output_past": True, "n_special": 0, "predict_special_tokens": True, "max_sequence_length": 2048},
        {"model_max_length": 4096, "experiment": "seventh", "num_experts": 0, "output_multiplier": 1.0},
        {"layer_norm_eps": 1e-6, "n_layer": 2, "d_model": 32, "use_qkv_bias": False, "n_head": 4},
        {"attention_dropout": 0.1, "router_aux_loss_coef": 0.001, "flash_attn": True, "is_causal": True},
        {"sliding_window": 4096, "max_window_layers": 28, "use_sliding_window": False},
        {"quantization_config": {"quant_method": "awq", "bits": 4}},
    ],
)
def test_fields_that_decide_nothing_refuse_nothing(fields: dict[str, Any]) -> None:
    assert import_config({**PLAIN, **fields}).hash == import_config(PLAIN).hash


@pytest.mark.parametrize(
    ("fields", "expected"),
    [
        ({"surprise": 1}, "expected null, false or no such field"),
        ({"num_meta_tokens": 128}, "expected null, false or no such field"),
        ({"use_token_shift": True}, "expected null, false or no such field"),
        ({"scale_embedding_by": 7.0, "use_scale": False}, "expected null, false or no such field"),
        ({"peft_config": {"r": 8}}, "expected null, false or no such field"),
        ({"meta_tokens": 128}, "expected null, false or no such field"),
        ({"time_mix": 0.5}, "expected null, false or no such field"),
        ({"norm_version": "v2"}, "expected null, false or no such field"),
        ({"mlp_impl": "moe"}, "expected null, false or no such field"),
        ({"padded_vocab_size": 256512}, "expected null, false or no such field"),
        ({"attention_wobble": 3}, "expected null, false or no such field"),
        ({"num_local_experts": 8}, "it holds a mixture of experts"),
        ({"layer_norm_eps": 1e-5}, "expected null, false or no such field"),
        ({"is_causal": False}, "expected true or no such field"),
        ({"is_encoder_decoder": True}, "expected null, false or no such field"),
        ({"clip_qkv": 8.0}, "expected null, false or no such field"),
        ({"sliding_window": 4096}, "expected null, false or no such field"),
    ],
)
def test_of_unknown_fields_it_is_said_what_they_would_have_to_hold(fields: dict[str, Any], expected: str) -> None:
    with pytest.raises(HarnessError, match=f"field '{next(iter(fields))}' = .*{expected}"):
        import_config({**PLAIN, **fields})


def test_all_fields_that_stand_in_the_way_come_in_one_message() -> None:
    fields = {
        "hidden_act": "mish",
        "tie_word_embeddings": "false",
        "rope_scaling": {"rope_type": "yarn", "factor": 2.0, "stretch": [1.0] * 100},
        "num_experts": 8,
        "attention_sinks": list(range(100)),
    }
    with pytest.raises(HarnessError) as error:
        import_config({**PLAIN, **fields})
    message = str(error.value)
    for named in ("hidden_act", "tie_word_embeddings", "rope_scaling.stretch", "num_experts", "attention_sinks"):
        assert f"field '{named}' = " in message
    assert "5 fields stand in the way" in message
    assert "98, 99]" in message


@pytest.mark.parametrize(
    ("kind", "fields"),
    [
        ("gpt2", {**GPT, "n_embd": 0}),
        ("gpt2", {**GPT, "n_head": 0}),
        ("llama", {**BASE, "hidden_size": 0}),
        ("llama", {**BASE, "num_attention_heads": 0}),
        ("gemma2", {**BASE, "query_pre_attn_scalar": -1}),
        ("granite", {**BASE, "embedding_multiplier": 0}),
    ],
)
def test_sizes_that_make_no_sense_are_told_and_no_traceback(kind: str, fields: dict[str, Any]) -> None:
    with pytest.raises(HarnessError):
        import_config({"model_type": kind, **fields})


@pytest.mark.parametrize(
    ("kind", "fields", "told"),
    [
        ("gemma2", {**BASE, "num_hidden_layers": 10**9}, "expected at most 16777216 layers"),
        ("smollm3", {**BASE, "num_hidden_layers": 10**9}, "expected at most 16777216 layers"),
        ("gpt_neo", {**GPT_NEO, "attention_types": [[["global"], 10**9]]}, "expected 3 layers of global, local"),
    ],
)
def test_too_many_layers_are_refused_before_a_list_of_them_is_made(
    kind: str, fields: dict[str, Any], told: str
) -> None:
    with pytest.raises(HarnessError, match=told):
        import_config({"model_type": kind, **fields})


def test_a_whole_number_and_a_number_of_the_same_value_agree() -> None:
    fields = {**PLAIN, "rope_theta": 500000, "rope_parameters": {"rope_type": "default", "rope_theta": 500000.0}}
    assert import_config(fields).hash == import_config({**PLAIN, "rope_theta": 500000.0}).hash


@pytest.mark.parametrize(
    ("name", "told"),
    [
        ("LlamaForCausalLM", False),
        ("LlamaModel", True),
        ("LlamaForSequenceClassification", True),
        ("XLMHeadModel", False),
    ],
)
def test_a_release_with_another_head_is_said_to_have_it(name: str, told: bool) -> None:
    assert import_config({**PLAIN, "architectures": [name]}).about.startswith(f"The release is a {name}") == told


def test_a_second_word_for_the_mlp_decides_nothing() -> None:
    assert import_config({**PLAIN, "activation": "swiglu"}).hash == import_config(PLAIN).hash


def test_what_is_left_out_beside_a_text_model_is_said() -> None:
    assert "images" in import_config({**PLAIN, "vision_config": {"hidden_size": 8}}).about


@pytest.mark.parametrize("fields", [{"is_encoder_decoder": True}, {"num_encoder_layers": 2}])
def test_encoders_are_the_reason_why_an_unknown_kind_is_refused(fields: dict[str, Any]) -> None:
    with pytest.raises(HarnessError, match="'t5x' cannot be imported: an encoder"):
        import_config({"model_type": "t5x", **fields})


@pytest.mark.parametrize("kind", ["qwen2", "qwen3"])
def test_windows_that_are_on_have_the_length_of_the_class_where_none_is_stated(kind: str) -> None:
    fields = {"model_type": kind, **BASE, "use_sliding_window": True, "max_window_layers": 1}
    assert import_config(fields).hash == import_config({**fields, "sliding_window": 4096}).hash
    assert import_config(fields).hash != import_config({**fields, "use_sliding_window": False}).hash
