"""The specs that come with the program."""

from __future__ import annotations

from pathlib import Path
from urllib.parse import urlparse

import pytest

from harness.spec import Spec, spec_names
from harness.spec.diff import difference
from harness.spec.library import library_folder

MODELS = {
    "gpt1": "GPT",
    "gpt2-small gpt2-medium gpt2-large gpt2-xl": "GPT",
    "gpt3-small gpt3-medium gpt3-large gpt3-xl gpt3-2-7b gpt3-6-7b gpt3-13b gpt3-175b": "GPT",
    "chatgpt": "GPT",
    "chatglm-6b chatglm2-6b chatglm3-6b": "GLM",
    "llama-7b llama-13b llama-33b llama-65b llama2-7b llama2-13b llama2-70b smollm2-135m": "LLaMA",
    "qwen-1-8b qwen-7b qwen-14b qwen-72b qwen2-7b-instruct": "Qwen",
    "baichuan-7b baichuan-13b": "Baichuan",
    "gpt-oss-20b gpt-oss-120b": "GPT",
    "glm-4-5-air": "GLM",
    "qwen3-30b-a3b qwen3-next-80b-a3b": "Qwen",
    "llama-3-1-8b llama-3-1-70b llama-4-scout llama-4-maverick": "LLaMA",
    "qwen2-5-7b qwen3-8b": "Qwen",
    "mistral-7b mixtral-8x7b": "Mistral",
    "gemma-2-9b gemma-3-27b recurrentgemma-2b": "Gemma",
    "olmo-2-7b olmo-3-7b olmo-hybrid-7b": "OLMo",
    "phi-4": "Phi",
    "minimax-text-01": "MiniMax",
    "kimi-linear-48b-a3b": "Kimi",
    "smollm3-3b": "SmolLM",
    "granite-4-0-h-tiny": "Granite",
    "deepseek-v2-lite deepseek-v3": "DeepSeek",
    "mamba-2-8b mamba2-2-7b": "Mamba",
    "falcon-h1-0-5b": "Falcon",
    "jamba-v0-1": "Jamba",
    "lfm2-1-2b": "LFM",
    "rwkv-4-169m rwkv-4-7b": "RWKV",
}
FAMILIES = {name: family for names, family in MODELS.items() for name in names.split()}
DOCUMENTED = "chatglm-6b-documented chatglm2-6b-documented qwen2-7b-instruct-documented".split()
VARIANTS = {
    "gpt2-small": "pre-ln post-ln deepnorm",
    "gpt3-small": "dense banded banded-first strided fixed log-sparse",
    "chatglm-6b": "causal ordered",
    "llama-7b": "mha gqa8 mqa layernorm geglu alibi nope banded mla mamba mamba2 gated-delta kimi-delta lightning "
    "lightning-1in2 lightning-1in4 lightning-1in8 "
    "rg-lru short-convolution experts mamba2-1in2 mamba2-1in4 mamba2-1in8 gated-delta-1in2 gated-delta-1in4 "
    "gated-delta-1in8 mtp",
    "llama2-70b": "mha",
    "chatglm2-6b": "mha",
}
VARIANT_NAMES = [f"{name}-{change}" for name, changes in VARIANTS.items() for change in changes.split()]
FILES = sorted(library_folder().rglob("*.yaml"))


def test_every_model_and_no_other_is_there() -> None:
    assert sorted(spec_names()) == sorted([*FAMILIES, *DOCUMENTED, *VARIANT_NAMES])


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_a_file_is_called_what_its_spec_is(path: Path, specs: dict[str, Spec]) -> None:
    assert specs[path.stem].name == path.stem


@pytest.mark.parametrize("name", spec_names())
def test_a_spec_says_what_it_is_and_where_from(name: str, specs: dict[str, Spec]) -> None:
    spec = specs[name]
    assert spec.title
    assert spec.title != name
    assert spec.sources
    for source in spec.sources.values():
        assert source.title
        address = urlparse(source.url)
        assert (address.scheme, " " in source.url) == ("https", False)
        assert "." in address.netloc


@pytest.mark.parametrize("name", FAMILIES)
def test_a_model_states_its_family_and_date(name: str, specs: dict[str, Spec]) -> None:
    spec = specs[name]
    assert spec.family == FAMILIES[name]
    expected = "proxy" if name == "chatgpt" else "inferred" if name.startswith("gpt3-") else "released"
    assert spec.provenance == expected
    year, *rest = map(int, spec.released.split("-"))
    assert 2018 <= year <= 2026
    assert len(rest) <= 2


@pytest.mark.parametrize("name", DOCUMENTED)
def test_what_is_documented_otherwise_differs_from_the_release(name: str, specs: dict[str, Spec]) -> None:
    assert specs[name].provenance == "documented"
    assert specs[name].about
    assert specs[name].hash != specs[name.removesuffix("-documented")].hash


@pytest.mark.parametrize("name", VARIANT_NAMES)
def test_a_variant_belongs_to_the_family_it_changes(name: str, specs: dict[str, Spec]) -> None:
    model = next(model for model in sorted(VARIANTS, key=len, reverse=True) if name.startswith(model))
    assert specs[name].provenance == "variant"
    assert specs[name].family == specs[model].family
    assert specs[name].claims == ()


@pytest.mark.parametrize("name", [name for name in FAMILIES if name.startswith("gpt3-")])
def test_gpt3_alternates_dense_and_banded_layers(name: str, specs: dict[str, Spec]) -> None:
    spec = specs[name]
    kinds = [spec.layer(index).pattern.kind for index in range(spec.dims.num_layers)]
    assert kinds == ["dense", "banded"] * (spec.dims.num_layers // 2)


def test_chatgpt_stands_in_for_itself_as_gpt3_and_has_three_stages(specs: dict[str, Spec]) -> None:
    spec = specs["chatgpt"]
    assert spec.hash == specs["gpt3-175b"].hash
    assert [stage.partition(":")[0] for stage in spec.training] == ["supervised fine-tuning", "reward model", "PPO"]
    assert spec.claims == ()


def test_llama_and_baichuan_differ_in_vocabulary_and_length_alone(specs: dict[str, Spec]) -> None:
    assert specs["llama-7b-mha"].hash == specs["llama-7b"].hash
    assert difference(specs["llama-7b"], specs["baichuan-7b"]) == {
        "vocab_size": (32000, 64000),
        "max_seq_len": (2048, 4096),
    }
