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

TINY: dict[str, list[dict[str, Any]]] = {
    "gpt2": [GPT, {**GPT, "n_inner": 52, "activation_function": "relu", "tie_word_embeddings": False}],
    "llama": [
        BASE,
        {**BASE, "num_key_value_heads": 4, "attention_bias": True, "mlp_bias": True, "tie_word_embeddings": True},
        {**BASE, "head_dim": 12},
    ],
    "openai-gpt": [GPT],
    "qwen2": [BASE, {**BASE, "use_sliding_window": True, "sliding_window": 5, "max_window_layers": 1}],
}
"""model_type -> configs that between them use every branch of the family's translation."""


def config_of(model_type: str, fields: dict[str, Any]) -> PretrainedConfig:
    """The family's config with some fields set."""
    config: PretrainedConfig = CONFIG_MAPPING[model_type](**fields)
    return config


def random_model(config: PretrainedConfig, seed: int = 0) -> PreTrainedModel:
    """The reference implementation with weights that no initialisation makes special: no gain is 1, no bias is 0."""
    model: PreTrainedModel = AutoModelForCausalLM.from_config(config, attn_implementation="eager").eval()
    generator = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for parameter in model.parameters():
            noise = torch.randn(parameter.shape, generator=generator)
            parameter.copy_(noise * 0.1 + (parameter if parameter.dim() == 1 else 0))
    return model


def save(model: PreTrainedModel, folder: Path) -> None:
    """Write config and weights as a release would."""
    model.save_pretrained(folder)
