"""Tiny configs of every family that transformers holds, and models of them with random weights."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import torch
from transformers import CONFIG_MAPPING, AutoModelForCausalLM, PretrainedConfig, PreTrainedModel

BASE = {
    "num_hidden_layers": 3,
    "hidden_size": 32,
    "num_attention_heads": 4,
    "num_key_value_heads": 2,
    "intermediate_size": 52,
    "vocab_size": 99,
    "max_position_embeddings": 40,
    "bos_token_id": 1,
    "eos_token_id": 2,
    "pad_token_id": None,
}
GPT = {
    "n_layer": 3,
    "n_embd": 32,
    "n_head": 4,
    "vocab_size": 99,
    "n_positions": 40,
    "bos_token_id": 1,
    "eos_token_id": 2,
}
LLAMA3 = {
    "rope_type": "llama3",
    "rope_theta": 100.0,
    "factor": 8.0,
    "low_freq_factor": 0.2,
    "high_freq_factor": 1.0,
    "original_max_position_embeddings": 16,
}
"""Of the four frequencies of a head of 8 channels one stays, two go over, and one is divided."""
YARN = {
    "rope_type": "yarn",
    "rope_theta": 20.0,
    "factor": 4.0,
    "original_max_position_embeddings": 20,
    "beta_fast": 1.5,
    "beta_slow": 0.5,
}
"""Of the four frequencies of a head of 8 channels two stay, one is in between, and one is divided."""
LINEAR = {"rope_type": "linear", "rope_theta": 500.0, "factor": 4.0}
DYNAMIC = {"rope_type": "dynamic", "rope_theta": 100.0, "factor": 3.0}
LONGROPE = {
    "rope_type": "longrope",
    "rope_theta": 100.0,
    "short_factor": [1.0, 1.2, 1.5, 2.0],
    "long_factor": [1.0, 2.0, 5.0, 9.0],
    "original_max_position_embeddings": 10,
}
"""Sequences of up to 10 tokens have the short divisors, longer ones the long."""
GROWING = {**YARN, "original_max_position_embeddings": 5, "llama_4_scaling_beta": 0.3}
"""Queries grow from the sixth token on."""
WINDOW = {**BASE, "sliding_window": 5}

BLOOM = {"n_layer": 3, "vocab_size": 99, "bos_token_id": 1, "eos_token_id": 2}
GPT_NEO = {
    "num_layers": 3,
    "hidden_size": 32,
    "num_heads": 4,
    "vocab_size": 99,
    "max_position_embeddings": 40,
    "window_size": 5,
    "bos_token_id": 1,
    "eos_token_id": 2,
}
MPT = {"d_model": 32, "n_heads": 4, "n_layers": 3, "vocab_size": 99, "max_seq_len": 40}
MULTI_HEAD = {name: value for name, value in BASE.items() if name != "num_key_value_heads"}
NEOX = {**MULTI_HEAD, "hidden_size": 64}
BARE = {name: value for name, value in MULTI_HEAD.items() if name != "intermediate_size"}
GRANITE_DENSE = {
    **BASE,
    "num_local_experts": 0,
    "shared_intermediate_size": 52,
    "layer_types": ["full_attention"] * 3,
    "mamba_n_heads": 8,
}
OLMO_HYBRID = {
    **BASE,
    "num_hidden_layers": 4,
    "linear_value_head_dim": 6,
    "rope_parameters": {"rope_type": "default", "rope_theta": None},
}
KIMI = {
    **BASE,
    "num_key_value_heads": 4,
    "kv_lora_rank": 8,
    "qk_rope_head_dim": 4,
    "v_head_dim": 8,
    "qk_nope_head_dim": 6,
    "num_experts": 6,
    "num_experts_per_token": 2,
    "moe_intermediate_size": 12,
    "linear_head_dim": 6,
    "linear_num_heads": 4,
}
LLAMA4 = {
    **BASE,
    "head_dim": 8,
    "num_local_experts": 6,
    "num_experts_per_tok": 1,
    "intermediate_size_mlp": 40,
    "attention_chunk_size": 5,
    "floor_scale": 4,
    "attn_scale": 0.5,
    "rope_parameters": {"rope_type": "default", "rope_theta": 100.0},
}
LOCAL_EXPERTS = {**BASE, "num_local_experts": 4, "num_experts_per_tok": 2}
SHARED_EXPERTS = {
    "num_experts": 8,
    "num_experts_per_tok": 3,
    "moe_intermediate_size": 20,
    "num_shared_experts": 2,
}
GRANITE_SWA = {
    "attention_multiplier": 0.2,
    "embedding_multiplier": 3.0,
    "residual_multiplier": 0.22,
    "logits_scaling": 8.0,
}
QWEN_EXPERTS = {**BASE, "num_experts": 6, "num_experts_per_tok": 2, "moe_intermediate_size": 20}
EVERYWHERE_EXPERTS = {
    **BASE,
    "n_routed_experts": 8,
    "num_experts_per_tok": 3,
    "moe_intermediate_size": 20,
    "n_shared_experts": 2,
}
ROUTED_EXPERTS = {**EVERYWHERE_EXPERTS, "first_k_dense_replace": 1}
GROUPS = {"n_group": 4, "topk_group": 2, "routed_scaling_factor": 2.5}
LATENT = {
    **MULTI_HEAD,
    "q_lora_rank": 20,
    "kv_lora_rank": 12,
    "qk_nope_head_dim": 8,
    "qk_rope_head_dim": 4,
    "v_head_dim": 6,
}
LATENT_YARN = {**YARN, "mscale": 1.0, "mscale_all_dim": 0.8}
LATENT_EXPERTS = {**ROUTED_EXPERTS, **LATENT, "num_key_value_heads": 4}
ERNIE_EXPERTS = {**BASE, "moe_num_experts": 6, "moe_k": 2, "moe_intermediate_size": 20}
NEMOTRON_H = {**BASE, "head_dim": 8}
del NEMOTRON_H["num_hidden_layers"]
NEMOTRON_MAMBA = {
    **NEMOTRON_H,
    "mamba_num_heads": 8,
    "mamba_head_dim": 8,
    "n_groups": 2,
    "ssm_state_size": 6,
    "moe_intermediate_size": 20,
    "moe_shared_expert_intermediate_size": 24,
    "n_routed_experts": 8,
}
MAMBA2 = {
    "num_hidden_layers": 3,
    "hidden_size": 32,
    "num_heads": 8,
    "head_dim": 8,
    "state_size": 6,
    "n_groups": 2,
    "vocab_size": 99,
    "bos_token_id": 1,
    "eos_token_id": 2,
    "pad_token_id": None,
}
RWKV = {"num_hidden_layers": 3, "hidden_size": 32, "vocab_size": 99, "context_length": 40, "use_cache": False}
"""The reference writes over its state, which has no gradient then, and no room for another inner width."""
DELTA = {
    **BASE,
    "head_dim": 16,
    "linear_num_value_heads": 4,
    "linear_num_key_heads": 2,
    "linear_key_head_dim": 6,
    "linear_value_head_dim": 8,
    "rms_norm_eps": 1e-3,
}
"""What a recurrence gives for a query that meets no key is rounding errors alone, which a norm would make large."""
DELTA_EXPERTS = {**DELTA, "num_experts": 6, "num_experts_per_tok": 2, "moe_intermediate_size": 20}
LFM2 = {**BASE, "layer_types": ["conv", "full_attention", "conv"], "block_multiple_of": 4}
LFM2_EXPERTS = {**LFM2, "num_experts": 6, "num_experts_per_tok": 2, "moe_intermediate_size": 20}
MAMBA = {
    "num_hidden_layers": 3,
    "hidden_size": 32,
    "state_size": 5,
    "vocab_size": 99,
    "bos_token_id": 1,
    "eos_token_id": 2,
    "pad_token_id": None,
}
JAMBA = {**BASE, "num_experts": 4, "mamba_d_state": 5, "attn_layer_period": 3, "attn_layer_offset": 1}
MAMBA_PREFIXED = {**BASE, "mamba_n_heads": 8, "mamba_d_state": 6, "mamba_n_groups": 2}
FALCON_H1 = {
    **MAMBA_PREFIXED,
    "mamba_d_ssm": 48,
    "mamba_rms_norm": False,
    "embedding_multiplier": 5.6,
    "lm_head_multiplier": 0.4,
    "key_multiplier": 0.39,
    "attention_in_multiplier": 0.8,
    "attention_out_multiplier": 0.94,
    "ssm_in_multiplier": 1.25,
    "ssm_out_multiplier": 0.24,
    "mlp_multipliers": [0.88, 0.6],
    "ssm_multipliers": [0.35, 0.25, 0.4, 0.5, 0.7],
}
OPT = {**BARE, "ffn_dim": 128, "pad_token_id": 1}
BERT = {**MULTI_HEAD, "pad_token_id": 0}
XGLM = {"d_model": 32, "num_layers": 3, "attention_heads": 4, "ffn_dim": 52, "vocab_size": 99}

TINY: dict[str, list[dict[str, Any]]] = {
    "gpt2": [GPT, {**GPT, "n_inner": 52, "activation_function": "relu", "tie_word_embeddings": False}],
    "gpt-sw3": [GPT],
    "llama": [
        BASE,
        {**BASE, "num_key_value_heads": 4, "attention_bias": True, "mlp_bias": True, "tie_word_embeddings": True},
        {**BASE, "head_dim": 12},
        {**BASE, "rope_parameters": LLAMA3},
        {**BASE, "rope_parameters": LINEAR},
        {**BASE, "rope_parameters": YARN},
        {**BASE, "rope_parameters": {**YARN, "truncate": False, "attention_factor": 0.7}},
        {**BASE, "rope_parameters": {**YARN, "mscale": 2.0, "mscale_all_dim": 0.5, "factor": None}},
        {**BASE, "rope_parameters": {"rope_type": "yarn", "rope_theta": 3.0, "factor": 2.0, "mscale": 2.0}},
        {**BASE, "rope_parameters": DYNAMIC, "max_position_embeddings": 8},
        {**BASE, "rope_parameters": LONGROPE},
        {**BASE, "rope_parameters": {**LONGROPE, "attention_factor": 1.3, "original_max_position_embeddings": 30}},
    ],
    "apertus": [BASE, {**BASE, "rope_parameters": LINEAR, "attention_bias": True, "hidden_act": "relu2"}],
    "arcee": [BASE, {**BASE, "attention_bias": True, "mlp_bias": True, "hidden_act": "gelu"}],
    "cohere": [
        BASE,
        {**BASE, "attention_bias": True, "logit_scale": 0.3, "tie_word_embeddings": False},
        {**BASE, "use_qk_norm": True},
    ],
    "cohere_compass_text": [
        {**BASE, "rope_parameters": {"full_attention": {"rope_type": "default", "rope_theta": 50.0}}},
        {
            **WINDOW,
            "layer_types": ["full_attention", "sliding_attention", "full_attention"],
            "rope_parameters": {"sliding_attention": {**YARN, "mrope_section": [2, 1, 1]}, "full_attention": None},
            "attention_bias": True,
            "logit_scale": 0.3,
            "tie_word_embeddings": False,
        },
    ],
    "cohere2": [
        {**WINDOW, "num_hidden_layers": 5},
        {**WINDOW, "layer_types": ["full_attention", "sliding_attention", "full_attention"], "attention_bias": True},
    ],
    "cwm": [{**WINDOW, "num_hidden_layers": 5, "rope_parameters": LLAMA3, "head_dim": 8}, {**WINDOW, "mlp_bias": True}],
    "ernie4_5": [BASE, {**BASE, "use_bias": True, "head_dim": 12, "tie_word_embeddings": False}],
    "exaone4": [
        {**WINDOW, "sliding_window_pattern": 2},
        {**BASE, "sliding_window": None, "layer_types": ["full_attention"] * 3},
        {
            **WINDOW,
            "sliding_window_pattern": "LG",
            "layer_types": ["sliding_attention", "full_attention", "full_attention"],
            "head_dim": 12,
        },
    ],
    "gemma": [
        BASE,
        {**BASE, "head_dim": 12, "attention_bias": True, "hidden_act": "gelu", "tie_word_embeddings": False},
    ],
    "gemma2": [
        {**WINDOW, "head_dim": 12, "query_pre_attn_scalar": 20, "attn_logit_softcapping": 0.5},
        {
            **WINDOW,
            "layer_types": ["full_attention", "full_attention", "sliding_attention"],
            "final_logit_softcapping": None,
            "attn_logit_softcapping": None,
            "attention_bias": True,
            "tie_word_embeddings": False,
        },
    ],
    "gemma3_text": [
        {**WINDOW, "head_dim": 12, "query_pre_attn_scalar": 20, "sliding_window_pattern": 2},
        {
            **WINDOW,
            "head_dim": 8,
            "num_hidden_layers": 7,
            "final_logit_softcapping": 0.7,
            "rope_parameters": {
                "sliding_attention": {"rope_type": "default", "rope_theta": 50.0},
                "full_attention": LINEAR,
            },
        },
    ],
    "glm": [
        {**BASE, "head_dim": 8},
        {**BASE, "head_dim": 16, "attention_bias": False, "partial_rotary_factor": 0.25, "tie_word_embeddings": True},
    ],
    "glm4": [{**BASE, "head_dim": 8}, {**BASE, "head_dim": 12, "attention_bias": False, "partial_rotary_factor": 1.0}],
    "granite": [
        BASE,
        {
            **BASE,
            "embedding_multiplier": 3.0,
            "logits_scaling": 8.0,
            "residual_multiplier": 0.22,
            "attention_multiplier": 0.2,
            "attention_bias": True,
            "mlp_bias": True,
            "tie_word_embeddings": True,
        },
    ],
    "helium": [{**BASE, "head_dim": 8}, {**BASE, "head_dim": 8, "attention_bias": True, "mlp_bias": True}],
    "hunyuan_v1_dense": [
        {**BASE, "head_dim": 8},
        {
            **BASE,
            "head_dim": 12,
            "attention_bias": True,
            "rope_parameters": {"rope_type": "dynamic", "rope_theta": 100.0, "alpha": 50.0, "factor": 1.0},
        },
    ],
    "granitemoehybrid": [
        {**GRANITE_DENSE, "position_embedding_type": "rope", "embedding_multiplier": 3.0, "logits_scaling": 8.0},
        {**GRANITE_DENSE, "attention_bias": True, "attention_multiplier": 0.2, "tie_word_embeddings": True},
        {
            **MAMBA_PREFIXED,
            "num_local_experts": 4,
            "shared_intermediate_size": 24,
            "layer_types": ["linear_attention", "full_attention", "linear_attention"],
            "residual_multiplier": 0.22,
        },
        {
            **MAMBA_PREFIXED,
            "num_local_experts": 0,
            "layer_types": ["mamba", "attention", "mamba"],
            "mamba_proj_bias": True,
        },
    ],
    "qwen3_next": [
        {**DELTA_EXPERTS, "num_hidden_layers": 4, "shared_expert_intermediate_size": 24},
        {
            **DELTA_EXPERTS,
            "layer_types": ["full_attention", "linear_attention", "linear_attention"],
            "shared_expert_intermediate_size": 24,
            "norm_topk_prob": False,
            "attention_bias": True,
            "mlp_only_layers": [1],
            "linear_conv_kernel_dim": 3,
        },
    ],
    "qwen3_5_text": [
        {**DELTA, "num_hidden_layers": 4},
        {**DELTA, "layer_types": ["full_attention", "linear_attention", "full_attention"], "attention_bias": True},
    ],
    "flex_olmo": [
        {**BASE, "num_experts": 6, "num_experts_per_tok": 2},
        {**BASE, "num_experts": 6, "num_experts_per_tok": 2, "norm_topk_prob": True, "attention_bias": True},
    ],
    "solar_open": [
        {**EVERYWHERE_EXPERTS, "head_dim": 8},
        {**EVERYWHERE_EXPERTS, **GROUPS, "head_dim": 12, "attention_bias": True, "tie_word_embeddings": True},
    ],
    "exaone_moe": [
        {**WINDOW, **SHARED_EXPERTS, "sliding_window_pattern": 2, "head_dim": 8},
        {
            **WINDOW,
            **SHARED_EXPERTS,
            **GROUPS,
            "layer_types": ["sliding_attention", "full_attention", "full_attention"],
            "mlp_layer_types": ["dense", "sparse", "dense"],
            "head_dim": 12,
        },
    ],
    "hy_v3": [
        {**BASE, **SHARED_EXPERTS, "head_dim": 8, "router_scaling_factor": 2.5},
        {
            **BASE,
            **SHARED_EXPERTS,
            "head_dim": 12,
            "mlp_layer_types": ["sparse", "dense", "sparse"],
            "attention_bias": True,
            "tie_word_embeddings": True,
        },
    ],
    "lfm2_moe": [
        {**LFM2_EXPERTS, "num_dense_layers": 1},
        {
            **LFM2_EXPERTS,
            "num_dense_layers": 0,
            "use_expert_bias": False,
            "norm_topk_prob": False,
            "routed_scaling_factor": 2.5,
            "conv_bias": True,
            "tie_word_embeddings": False,
        },
    ],
    "qwen3_5_moe_text": [{**DELTA_EXPERTS, "num_hidden_layers": 4, "shared_expert_intermediate_size": 24}],
    "olmo_hybrid": [
        # transformers writes the taps of queries, keys and values as three equal parts, whatever their widths.
        OLMO_HYBRID,
        {
            **BASE,
            "layer_types": ["full_attention", "linear_attention", "full_attention"],
            "rope_parameters": {"rope_type": "default", "rope_theta": 100.0},
            "linear_num_key_heads": 2,
            "linear_num_value_heads": 4,
            "linear_key_head_dim": 6,
            "linear_value_head_dim": 3,
            "linear_conv_kernel_dim": 3,
            "linear_allow_neg_eigval": False,
            "attention_bias": True,
        },
    ],
    "recurrent_gemma": [
        {**BASE, "num_key_value_heads": 1, "attention_window_size": 5},
        {
            **BASE,
            "num_hidden_layers": 4,
            "block_types": ["attention", "recurrent"],
            "lru_width": 32,
            "attention_window_size": 6,
            "attention_bias": True,
            "conv1d_width": 3,
            "logits_soft_cap": 2.0,
            "rope_parameters": {"rope_type": "default", "rope_theta": 100.0, "partial_rotary_factor": 1.0},
            "tie_word_embeddings": False,
        },
    ],
    "kimi_linear": [
        {**KIMI, "num_hidden_layers": 6},
        {
            **KIMI,
            "layer_types": ["linear_attention", "full_attention", "linear_attention"],
            "mlp_layer_types": ["sparse", "dense", "sparse"],
            "q_lora_rank": 8,
            "attention_bias": True,
            "moe_renormalize": False,
            "num_expert_group": 2,
            "num_shared_experts": 2,
            "linear_conv_kernel_dim": 3,
        },
    ],
    "llama4_text": [
        {**LLAMA4, "num_hidden_layers": 4},
        {
            **LLAMA4,
            "num_hidden_layers": 5,
            "no_rope_layers": [1, 0, 1, 0, 1],
            "layer_types": [f"{kind}_attention" for kind in ("chunked", "chunked", "full", "full", "chunked")],
            "interleave_moe_layer_step": 2,
            "num_experts_per_tok": 2,
            "use_qk_norm": False,
            "rope_parameters": {**LLAMA3, "low_freq_factor": 0.5, "high_freq_factor": 0.5},
            "attention_bias": True,
        },
        {**LLAMA4, "moe_layers": [1], "attn_temperature_tuning": False, "tie_word_embeddings": True},
        {**LLAMA4, "rope_parameters": {**YARN, "attention_factor": 1.0}},
    ],
    "lfm2": [
        LFM2,
        {**LFM2, "conv_bias": True, "block_auto_adjust_ff_dim": False, "conv_L_cache": 4, "tie_word_embeddings": False},
    ],
    "mamba": [
        MAMBA,
        {**MAMBA, "time_step_rank": 3, "use_bias": True, "use_conv_bias": False, "tie_word_embeddings": False},
    ],
    "falcon_mamba": [MAMBA, {**MAMBA, "expand": 1, "conv_kernel": 3, "tie_word_embeddings": False}],
    "jamba": [
        JAMBA,
        {**JAMBA, "num_hidden_layers": 4, "mamba_dt_rank": 3, "mamba_proj_bias": True, "mamba_conv_bias": False},
        {**JAMBA, "num_experts": 1, "tie_word_embeddings": True},
    ],
    "gpt_oss": [
        {**LOCAL_EXPERTS, "head_dim": 8, "sliding_window": 5, "rope_parameters": {**YARN, "truncate": False}},
        {
            **LOCAL_EXPERTS,
            "head_dim": 12,
            "sliding_window": 5,
            "layer_types": ["full_attention", "sliding_attention", "full_attention"],
            "rope_parameters": {"rope_type": "default", "rope_theta": 100.0},
            "swiglu_limit": 0.05,
            "attention_bias": False,
            "tie_word_embeddings": True,
        },
    ],
    "mamba2": [
        MAMBA2,
        {**MAMBA2, "n_groups": 1, "use_bias": True, "use_conv_bias": False, "tie_word_embeddings": True},
    ],
    "rwkv": [
        RWKV,
        {**RWKV, "attention_hidden_size": 24, "intermediate_size": 52, "tie_word_embeddings": True},
    ],
    "bamba": [
        {**MAMBA_PREFIXED, "attn_layer_indices": [1]},
        {**MAMBA_PREFIXED, "attn_layer_indices": [0, 2], "attention_bias": True, "mlp_bias": True, "mamba_n_groups": 1},
    ],
    "falcon_h1": [
        FALCON_H1,
        {
            **FALCON_H1,
            **dict.fromkeys(("attention_bias", "mlp_bias", "mamba_proj_bias", "projectors_bias"), True),
            "mamba_rms_norm": True,
            "head_dim": 12,
            "tie_word_embeddings": True,
        },
        {
            **MAMBA_PREFIXED,
            "mamba_d_ssm": None,
            "mamba_rms_norm": True,
            "mamba_norm_before_gate": False,
            "mamba_conv_bias": False,
        },
    ],
    "hyperclovax": [
        {**BASE, "logits_scaling": 0.5, "residual_multiplier": 0.3, "embedding_multiplier": 2.0},
        {**BASE, "use_post_norm": False, "attention_multiplier": 0.2, "attention_bias": True, "mlp_bias": True},
    ],
    "internlm3": [BASE, {**BASE, "head_dim": 12, "attention_bias": True, "mlp_bias": True}],
    "iquestcoder": [BASE, {**BASE, "head_dim": 12, "attention_bias": True, "mlp_bias": True}],
    "jais2": [BASE, {**BASE, "head_dim": 12, "attention_bias": False, "mlp_bias": False, "tie_word_embeddings": True}],
    "ministral": [
        {**WINDOW, "head_dim": 8},
        {**WINDOW, "layer_types": ["full_attention", "sliding_attention", "full_attention"], "head_dim": 12},
    ],
    "ministral3": [
        {**BASE, "head_dim": 8, "rope_parameters": GROWING},
        {**WINDOW, "head_dim": 12, "rope_parameters": {**GROWING, "mscale": 1.0, "mscale_all_dim": 1.0}},
    ],
    "mistral": [WINDOW, {**BASE, "sliding_window": None, "head_dim": 12, "tie_word_embeddings": True}],
    "olmo": [BASE, {**BASE, "clip_qkv": 0.2}, {**BASE, "attention_bias": True, "tie_word_embeddings": True}],
    "olmo2": [BASE, {**BASE, "attention_bias": True, "tie_word_embeddings": True}],
    "olmo3": [
        {**WINDOW, "num_hidden_layers": 5},
        {
            **WINDOW,
            "layer_types": ["full_attention", "sliding_attention", "full_attention"],
            "attention_bias": True,
            "rope_parameters": {
                "sliding_attention": {"rope_type": "default", "rope_theta": 50.0},
                "full_attention": YARN,
            },
        },
    ],
    "qwen3": [
        BASE,
        {**BASE, "head_dim": 12, "attention_bias": True, "tie_word_embeddings": True},
        {**BASE, "use_sliding_window": True, "sliding_window": 5, "max_window_layers": 1},
        {**BASE, "head_dim": 8, "rope_parameters": {**YARN, "attention_factor": 1.3}},
    ],
    "seed_oss": [
        BASE,
        {**BASE, "head_dim": 12, "attention_out_bias": True, "mlp_bias": True},
        {**BASE, "attention_bias": False, "tie_word_embeddings": True},
    ],
    "smollm3": [
        {**BASE, "num_hidden_layers": 5},
        {**WINDOW, "use_sliding_window": True, "no_rope_layers": [1, 0, 1], "attention_bias": True, "mlp_bias": True},
        {
            **WINDOW,
            "use_sliding_window": True,
            "no_rope_layer_interval": 2,
            "layer_types": ["sliding_attention", "sliding_attention", "full_attention"],
            "tie_word_embeddings": False,
        },
    ],
    "vaultgemma": [
        {**WINDOW, "head_dim": 12, "query_pre_attn_scalar": 20, "attn_logit_softcapping": 0.5},
        {**WINDOW, "final_logit_softcapping": None, "attn_logit_softcapping": None},
    ],
    "openai-gpt": [GPT],
    "qwen2": [
        BASE,
        {**BASE, "use_sliding_window": True, "sliding_window": 5, "max_window_layers": 1},
        {**BASE, "rope_parameters": YARN},
    ],
    "bert-generation": [{**BERT, "is_decoder": True}, {**BERT, "is_decoder": True, "hidden_act": "relu"}],
    "biogpt": [
        MULTI_HEAD,
        {**MULTI_HEAD, "scale_embedding": False, "hidden_act": "relu", "tie_word_embeddings": False},
    ],
    "bloom": [
        {**BLOOM, "n_head": 8, "hidden_size": 64},
        {**BLOOM, "n_head": 6, "hidden_size": 48, "tie_word_embeddings": False},
    ],
    "codegen": [
        {**GPT, "rotary_dim": 4},
        {**GPT, "n_head": 8, "rotary_dim": 4, "n_inner": 52, "tie_word_embeddings": True},
    ],
    "ctrl": [{**GPT, "dff": 52}, {**GPT, "dff": 52, "tie_word_embeddings": False}],
    "falcon": [
        BARE,
        {**BARE, "multi_query": False, "bias": True, "ffn_hidden_size": 52, "tie_word_embeddings": False},
        {**BARE, "multi_query": False, "parallel_attn": False, "rope_parameters": LINEAR},
        {**BARE, "multi_query": False, "parallel_attn": False, "alibi": True, "bias": True},
        {**BARE, "num_attention_heads": 6, "hidden_size": 48, "alibi": True},
        {**BARE, "new_decoder_architecture": True, "num_kv_heads": 2, "activation": "relu"},
        {**BARE, "new_decoder_architecture": True, "num_kv_heads": 4, "num_ln_in_parallel_attn": 1, "bias": True},
    ],
    "mixtral": [LOCAL_EXPERTS, {**LOCAL_EXPERTS, "sliding_window": 5, "head_dim": 12, "tie_word_embeddings": True}],
    "qwen2_moe": [
        {**QWEN_EXPERTS, "shared_expert_intermediate_size": 24},
        {
            **QWEN_EXPERTS,
            "shared_expert_intermediate_size": 24,
            "norm_topk_prob": True,
            "qkv_bias": False,
            "decoder_sparse_step": 2,
        },
    ],
    "qwen3_moe": [
        {**QWEN_EXPERTS, "head_dim": 12, "norm_topk_prob": True},
        {**QWEN_EXPERTS, "mlp_only_layers": [0], "attention_bias": True, "tie_word_embeddings": True},
    ],
    "olmoe": [
        {**BASE, "num_experts": 6, "num_experts_per_tok": 2},
        {**BASE, "num_experts": 6, "num_experts_per_tok": 2, "norm_topk_prob": True, "attention_bias": True},
    ],
    "granitemoe": [
        {**LOCAL_EXPERTS, "embedding_multiplier": 3.0, "logits_scaling": 8.0, "attention_multiplier": 0.2},
        {**LOCAL_EXPERTS, "residual_multiplier": 0.22, "attention_bias": True, "tie_word_embeddings": True},
    ],
    "granite_swa": [
        {**BASE, **GRANITE_SWA, "sliding_window": 5},
        {
            **BASE,
            "attention_multiplier": 0.3,
            "sliding_window": 4,
            "layer_types": ["sliding_attention", "sliding_attention", "full_attention"],
            "layer_rope_theta": [100.0, 0, 5000.0],
            "attention_bias": True,
            "mlp_bias": True,
            "tie_word_embeddings": False,
        },
    ],
    "granitemoe_swa": [
        {**LOCAL_EXPERTS, **GRANITE_SWA, "sliding_window": 5},
        {
            **LOCAL_EXPERTS,
            "num_hidden_layers": 5,
            "attention_multiplier": 0.3,
            "sliding_window": 4,
            "layer_rope_theta": [0, 100.0, 100.0, 5000.0, 0],
            "shared_intermediate_size": 24,
        },
    ],
    "granitemoeshared": [{**LOCAL_EXPERTS, "shared_intermediate_size": 24}, LOCAL_EXPERTS],
    "glm4_moe": [
        {**ROUTED_EXPERTS, "head_dim": 8},
        {**ROUTED_EXPERTS, **GROUPS, "head_dim": 12, "use_qk_norm": True, "attention_bias": True},
    ],
    "dots1": [
        {**ROUTED_EXPERTS, "routed_scaling_factor": 2.5, "sliding_window": None},
        {**ROUTED_EXPERTS, **GROUPS, "norm_topk_prob": True, "sliding_window": 5, "max_window_layers": 2},
    ],
    "ernie4_5_moe": [
        ERNIE_EXPERTS,
        {**ERNIE_EXPERTS, "num_hidden_layers": 5, "moe_layer_interval": 2, "moe_num_shared_experts": 0},
    ],
    "hunyuan_v1_moe": [
        {**BASE, "num_experts": 4, "moe_topk": 2, "head_dim": 8},
        {**BASE, "num_experts": 4, "moe_topk": [3] * 3, "head_dim": 12, "attention_bias": True},
    ],
    "minimax": [
        LOCAL_EXPERTS,
        {
            **LOCAL_EXPERTS,
            **dict.fromkeys(("full_attn_alpha_factor", "linear_attn_alpha_factor", "mlp_alpha_factor"), 1.5),
            **dict.fromkeys(("full_attn_beta_factor", "linear_attn_beta_factor", "mlp_beta_factor"), 0.7),
            "head_dim": 12,
            "layer_types": ["linear_attention", "linear_attention", "full_attention"],
            "sliding_window": 5,
            "tie_word_embeddings": True,
        },
        {**LOCAL_EXPERTS, "layer_types": ["linear_attention"] * 3, "full_attn_alpha_factor": 2.0},
    ],
    "minimax_m2": [
        {**LOCAL_EXPERTS, "head_dim": 8},
        {**LOCAL_EXPERTS, "head_dim": 12, "rotary_dim": 6, "tie_word_embeddings": True},
    ],
    "phimoe": [
        {**LOCAL_EXPERTS, "attention_bias": True, "lm_head_bias": True},
        {**LOCAL_EXPERTS, "num_local_experts": 8, "sliding_window": 5, "tie_word_embeddings": True},
    ],
    "deepseek_v2": [
        {**LATENT_EXPERTS, "q_lora_rank": None, "rope_parameters": LATENT_YARN},
        {**LATENT_EXPERTS, **GROUPS, "topk_method": "group_limited_greedy", "attention_bias": True},
    ],
    "deepseek_v3": [
        {**LATENT_EXPERTS, **GROUPS, "rope_parameters": LATENT_YARN},
        {**LATENT_EXPERTS, "n_group": 1, "topk_group": 1, "q_lora_rank": None, "attention_bias": True},
    ],
    "glm4_moe_lite": [
        LATENT_EXPERTS,
        {**LATENT_EXPERTS, **GROUPS, "mlp_layer_types": ["dense", "dense", "sparse"], "tie_word_embeddings": True},
    ],
    "minicpm3": [
        {**LATENT, "num_key_value_heads": 4},
        {**LATENT, "num_key_value_heads": 4, "scale_depth": None, "dim_model_base": None, "q_lora_rank": None},
    ],
    "youtu": [
        {**LATENT, "num_key_value_heads": 4, "rope_parameters": LATENT_YARN},
        {**LATENT, "num_key_value_heads": 4, "q_lora_rank": None, "attention_bias": True, "tie_word_embeddings": False},
    ],
    "gpt_bigcode": [GPT, {**GPT, "multi_query": False, "n_inner": 52, "tie_word_embeddings": False}],
    "gpt_neo": [
        {**GPT_NEO, "attention_types": [[["global", "local"], 2]], "num_layers": 4},
        {
            **GPT_NEO,
            "attention_types": [[["local"], 2], [["global"], 1]],
            "intermediate_size": 52,
            "activation_function": "gelu",
            "tie_word_embeddings": False,
        },
    ],
    "gpt_neox": [
        NEOX,
        {**NEOX, "use_parallel_residual": False, "attention_bias": False, "hidden_act": "relu"},
        {**NEOX, "rotary_pct": 1.0, "rotary_emb_base": 500, "tie_word_embeddings": True},
        {**NEOX, "rope_parameters": {**YARN, "partial_rotary_factor": 0.5}},
    ],
    "gpt_neox_japanese": [BARE, {**BARE, "num_hidden_layers": 1, "rotary_pct": 0.5, "intermediate_multiple_size": 2}],
    "gptj": [{**GPT, "rotary_dim": 4}, {**GPT, "rotary_dim": 8, "n_inner": 52, "tie_word_embeddings": True}],
    "mpt": [
        MPT,
        {**MPT, "attn_config": {"clip_qkv": 0.2}},
        {**MPT, "n_heads": 6, "d_model": 48, "attn_config": {"softmax_scale": 0.2}},
    ],
    "nanochat": [
        BASE,
        {
            **BASE,
            "head_dim": 12,
            "attention_bias": True,
            "hidden_act": "gelu",
            "final_logit_softcapping": None,
            "tie_word_embeddings": True,
        },
    ],
    "nemotron": [BASE, {**BASE, "head_dim": 12, "attention_bias": True, "mlp_bias": True, "hidden_act": "gelu"}],
    "opt": [
        {**OPT, "ffn_dim": 52},
        {**OPT, "do_layer_norm_before": False, "activation_function": "gelu", "tie_word_embeddings": False},
        {**OPT, "enable_bias": False, "layer_norm_elementwise_affine": False},
        {**OPT, "do_layer_norm_before": False, "word_embed_proj_dim": 12},
        {**OPT, "word_embed_proj_dim": 12, "tie_word_embeddings": False},
    ],
    "persimmon": [
        MULTI_HEAD,
        {**MULTI_HEAD, "qk_layernorm": False, "hidden_act": "gelu", "partial_rotary_factor": 0.25},
    ],
    "phi": [
        BASE,
        {**BASE, "qk_layernorm": True, "num_key_value_heads": 4, "partial_rotary_factor": 0.25},
        {**BASE, "tie_word_embeddings": True},
    ],
    "nemotron_h": [
        {**NEMOTRON_H, "layers_block_type": ["full_attention", "mlp"] * 3},
        {**NEMOTRON_H, "layers_block_type": ["full_attention", "mlp"], "mlp_bias": True, "mlp_hidden_act": "gelu"},
        {**NEMOTRON_MAMBA, "layers_block_type": ["linear_attention", "moe", "full_attention", "mlp"]},
        {
            **NEMOTRON_MAMBA,
            **GROUPS,
            "layers_block_type": ["linear_attention", "full_attention", "linear_attention", "moe"],
            "use_bias": True,
            "use_conv_bias": False,
            "norm_topk_prob": False,
        },
    ],
    "phi3": [
        BASE,
        {**BASE, "original_max_position_embeddings": 10, "rope_parameters": LONGROPE},
        {**BASE, "original_max_position_embeddings": 30, "rope_parameters": LONGROPE},
        {**WINDOW, "tie_word_embeddings": True, "partial_rotary_factor": 0.5},
    ],
    "stablelm": [
        BASE,
        {**BASE, "use_qkv_bias": True, "use_parallel_residual": True, "partial_rotary_factor": 0.5},
        {**BASE, "qk_layernorm": True, "use_parallel_residual": True},
    ],
    "starcoder2": [BASE, {**WINDOW, "use_bias": False, "hidden_act": "relu", "tie_word_embeddings": False}],
    "xglm": [
        XGLM,
        {**XGLM, "scale_embedding": False, "activation_function": "relu", "tie_word_embeddings": False},
    ],
}
"""model_type -> configs that between them use every branch of the family's translation."""


def config_of(model_type: str, fields: dict[str, Any]) -> PretrainedConfig:
    """The family's config with some fields set."""
    config: PretrainedConfig = CONFIG_MAPPING[model_type](**fields)
    return config


def random_model(config: PretrainedConfig, seed: int = 0) -> PreTrainedModel:
    """The reference implementation with weights that no initialisation makes special: no gain is 1, no bias is 0."""
    # Falcon's eager attention adds linear biases twice, once with the mask; its release and the other way do not.
    torch.manual_seed(seed)  # some draw from torch's own generator
    implementation = "sdpa" if config.model_type == "falcon" and config.alibi else "eager"
    model: PreTrainedModel = AutoModelForCausalLM.from_config(config, attn_implementation=implementation).eval()
    generator = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for parameter in model.parameters():
            noise = torch.randn(parameter.shape, generator=generator)
            parameter.copy_(noise * 0.1 + (parameter if parameter.dim() == 1 else 0))
    return model


def save(model: PreTrainedModel, folder: Path) -> None:
    """Write config and weights as a release would."""
    model.save_pretrained(folder)
