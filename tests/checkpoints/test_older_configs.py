"""Configs written before transformers 5 mean what transformers 5 reads in them."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from transformers import CONFIG_MAPPING

from harness.checkpoints.translate import import_config
from harness.choices.axes import Choices
from harness.spec.model import Spec
from tests.checkpoints.tiny import BASE, TINY

WINDOW = {**BASE, "sliding_window": 5}
SCALING = {
    "factor": 8.0,
    "low_freq_factor": 1.0,
    "high_freq_factor": 4.0,
    "original_max_position_embeddings": 16,
    "rope_type": "llama3",
}

LAYERNORM_FAMILIES = (
    "biogpt bloom codegen falcon gpt_bigcode gpt_neo gpt_neox gpt_neox_japanese gptj mpt nemotron opt persimmon phi "
    "phi3 stablelm starcoder2"
).split()

OLDER: list[tuple[str, dict[str, Any]]] = [
    ("cohere", {**BASE, "rope_theta": 7e4}),
    (
        "cohere2",
        {**WINDOW, "head_dim": 8, "rope_theta": 5e4, "sliding_window_pattern": 2, "layer_switch": 2, "rotary_pct": 1.0},
    ),
    ("cwm", {**BASE, "rope_theta": 1e4}),
    ("exaone4", {**WINDOW, "rope_theta": 1e6, "rope_scaling": SCALING}),
    ("gemma", {**BASE, "hidden_act": "gelu", "hidden_activation": None, "rope_theta": 1e4, "rope_scaling": None}),
    ("gemma2", {**WINDOW, "hidden_act": "gelu_pytorch_tanh", "cache_implementation": "hybrid", "rope_theta": 1e4}),
    (
        "gemma3_text",
        {
            **WINDOW,
            "rope_theta": 1e5,
            "rope_local_base_freq": 300.0,
            "rope_scaling": {"rope_type": "linear", "factor": 8.0},
            "sliding_window_pattern": 2,
        },
    ),
    ("gemma3_text", {**WINDOW, "num_hidden_layers": 7}),
    ("gemma3_text", {**WINDOW, "num_hidden_layers": 7, "_sliding_window_pattern": 2}),
    ("glm", {**BASE, "rope_theta": 1e4, "partial_rotary_factor": 0.5}),
    ("glm", BASE),
    ("hunyuan_v1_dense", {**BASE, "head_dim": 8, "rope_scaling": {"type": "dynamic", "alpha": 1000.0, "factor": 1.0}}),
    ("llama", {**BASE, "rope_theta": 5e5, "rope_scaling": SCALING}),
    ("llama", {**BASE, "rope_scaling": {"type": "linear", "factor": 2.0}}),
    ("llama", {**BASE, "rope_theta": 5e5, "rope_scaling": {"type": "yarn", "factor": 2.0}}),
    ("llama", {**BASE, "rope_parameters": {"rope_type": "default"}, "rope_scaling": {"type": "linear", "factor": 2.0}}),
    ("olmo3", {**WINDOW, "rope_scaling": {"rope_type": "yarn", "factor": 2.0, "beta_fast": 0, "mscale": 0}}),
    ("mistral", {**BASE, "rope_theta": 1e6}),
    ("olmo3", {**WINDOW, "rope_theta": 1e4}),
    ("qwen3", {**BASE, "rope_theta": 1e6, "max_window_layers": 3, "sliding_window": None}),
    ("apertus", {**BASE, "rope_theta": 1e4}),
    ("apertus", {**BASE, "rope_scaling": SCALING}),
    *((kind, BASE) for kind in ("arcee", "cwm", "ernie4_5", "granite", "helium", "internlm3", "iquestcoder", "jais2")),
    *((kind, BASE) for kind in ("ministral", "mistral", "olmo2", "seed_oss", "smollm3", "vaultgemma", "qwen2")),
    *((kind, fields) for kind in LAYERNORM_FAMILIES for fields in TINY[kind]),
]


@pytest.mark.parametrize(("kind", "fields"), OLDER)
def test_same_spec(kind: str, fields: dict[str, Any]) -> None:
    older = import_config({"model_type": kind, **fields})
    newer = import_config(CONFIG_MAPPING[kind](**fields).to_dict())
    assert explicit(older) == explicit(newer)


def explicit(spec: Spec) -> tuple[object, ...]:
    """What the spec says, with the heads' channels written out, as transformers 5 writes them."""

    def filled(choices: Choices) -> Choices:
        return replace(choices, mixer=choices.mixer.settled(spec.dims))

    return spec.dims, filled(spec.choices), {name: filled(block) for name, block in spec.blocks.items()}, spec.layers
