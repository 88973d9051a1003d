"""At full size, without weights: the names and shapes that the loader expects are the released ones."""

from __future__ import annotations

import json
import math
import re
from typing import Any

import pytest
import torch
from safetensors import safe_open
from transformers import CONFIG_MAPPING, AutoModelForCausalLM

from harness import build, import_config, params
from harness.checkpoints.families import families
from harness.checkpoints.layout import released_tensors
from harness.spec import Spec, load_spec
from tests.conftest import ROOT

GOLDEN = ROOT / "tests" / "golden"


def gpt(spec: Spec) -> dict[str, Any]:
    dims = spec.dims
    heads = spec.choices.mixer.num_heads
    sizes = {"n_layer": dims.num_layers, "n_embd": dims.hidden_size, "n_head": heads, "vocab_size": dims.vocab_size}
    return {**sizes, "n_positions": dims.max_seq_len}


def llama(spec: Spec) -> dict[str, Any]:
    dims, attention = spec.dims, spec.choices.mixer
    return {
        "num_hidden_layers": dims.num_layers,
        "hidden_size": dims.hidden_size,
        "num_attention_heads": attention.num_heads,
        "num_key_value_heads": attention.kv_heads,
        "intermediate_size": spec.choices.mlp.intermediate_size,
        "vocab_size": dims.vocab_size,
        "max_position_embeddings": dims.max_seq_len,
        "rms_norm_eps": spec.choices.norm.eps,
        "rope_parameters": {"rope_type": "default", "rope_theta": getattr(spec.choices.position, "theta", None)},
    }


HELD: dict[str, tuple[str, Any]] = {
    "gpt1": ("openai-gpt", gpt),
    **{f"gpt2-{size}": ("gpt2", gpt) for size in ("small", "medium", "large", "xl")},
    **dict.fromkeys(("llama-7b", "llama-13b", "llama-33b", "llama-65b"), ("llama", llama)),
    **dict.fromkeys(("llama2-7b", "llama2-13b", "llama2-70b"), ("llama", llama)),
    "qwen2-7b-instruct": ("qwen2", llama),
}
"""Released models that transformers holds, with the fields of their configs in terms of the spec."""

ONLY_RELEASED = {
    "baichuan-7b": "baichuan",
    "baichuan-13b": "baichuan",
    "chatglm-6b": "chatglm",
    "chatglm2-6b": "chatglm",
    "chatglm3-6b": "chatglm",
    **{f"qwen-{size}": "qwen" for size in ("1-8b", "7b", "14b", "72b")},
}
"""Released models that it does not hold, with their families; tiny checkpoints in their naming lie in tests/golden."""


def expected(kind: str, spec: Spec) -> dict[str, tuple[int, ...]]:
    """Names and shapes of the released tensors that the loader reads."""
    shapes = {name: tuple(parameter.shape) for name, parameter in build(spec, device="meta").named_parameters()}
    released = released_tensors(families[kind]().templates(spec), spec, shapes)
    return {each.name: each.form.shape([shapes[own] for own in each.own]) for each in released}


@pytest.mark.parametrize("name", HELD)
def test_names_and_shapes_are_those_of_transformers(name: str) -> None:
    spec = load_spec(name)
    kind, fields = HELD[name]
    config = CONFIG_MAPPING[kind](**fields(spec))
    assert import_config(config.to_dict()).dims == spec.dims
    with torch.device("meta"):
        reference = AutoModelForCausalLM.from_config(config)
    assert expected(kind, spec) == {key: tuple(parameter.shape) for key, parameter in reference.named_parameters()}


def layers_of(names: list[str], count: int) -> set[str]:
    """Names of a tiny checkpoint with as many layers as a full one."""
    numbered = re.compile(r"(layers|h)\.(\d+)\.")
    return {numbered.sub(rf"\1.{index}.", name) for name in names for index in range(count)}


@pytest.mark.parametrize("name", ONLY_RELEASED)
def test_names_are_those_of_the_release(name: str) -> None:
    spec, kind = load_spec(name), ONLY_RELEASED[name]
    folder = {"chatglm2-6b": "chatglm3-6b", "baichuan-7b": "baichuan-13b"}.get(name, name)
    with safe_open(GOLDEN / (folder if kind != "qwen" else "qwen-7b") / "model.safetensors", "pt") as file:
        stored = [key for key in file.keys() if not key.endswith(families[kind].ignored)]  # noqa: SIM118
    if spec.choices.head.params(spec.dims) == 0:
        stored.remove("lm_head.weight")
    wanted = expected(kind, spec)
    assert wanted.keys() == layers_of(stored, spec.dims.num_layers)
    assert sum(map(math.prod, wanted.values())) == params(spec)


@pytest.mark.parametrize("name", ["baichuan-13b", "chatglm-6b", "chatglm3-6b", "qwen-7b"])
def test_a_released_config_at_full_size_is_the_spec_of_the_library(name: str) -> None:
    """The tiny config with the sizes of the real one gives the architecture of the spec, choice by choice."""
    spec = load_spec(name)
    config = json.loads((GOLDEN / name / "config.json").read_text(encoding="utf-8"))
    dims, attention, width = spec.dims, spec.choices.mixer, spec.choices.mlp.intermediate_size
    real = {
        **dict.fromkeys(("num_layers", "num_hidden_layers"), dims.num_layers),
        "hidden_size": dims.hidden_size,
        "num_attention_heads": attention.num_heads,
        **dict.fromkeys(("vocab_size", "padded_vocab_size"), dims.vocab_size),
        **dict.fromkeys(("seq_length", "max_sequence_length", "model_max_length"), dims.max_seq_len),
        **dict.fromkeys(("inner_hidden_size", "ffn_hidden_size"), width),
        "intermediate_size": 2 * width if name == "qwen-7b" else width,
        "kv_channels": 128,
    }
    imported = import_config({key: real.get(key, value) for key, value in config.items()})
    assert imported.hash == spec.hash
