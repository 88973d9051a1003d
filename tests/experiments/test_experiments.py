"""Experiments: what of them is exact, and small ones from end to end."""

from __future__ import annotations

from typing import Any

import pytest
import torch

from harness.choices.patterns import patterns
from harness.errors import CountMismatchError
from harness.experiments import experiments
from harness.experiments.attention import KINDS, PEAK, PRODUCT, _counted_pairs, _laws_of_pairs
from harness.experiments.decoding import ARRANGEMENTS, CHANNELS, HEADS, WINDOW, _in_turn
from harness.experiments.recurrences import QUICK
from harness.experiments.throughput import BLOCKS, Candidate, _alike, _block, flops
from harness.factory import build
from harness.metrics.flops import flops as closed_flops
from harness.metrics.kv_cache import kv_cache_bytes, weight_bytes
from harness.metrics.params import params
from harness.spec import load_spec
from harness.timing import control

SMALL = {"processes": 2, "rounds": 2, "block_s": 0.0001}


def small(name: str, which: int = 0, **changes: Any) -> dict[str, Any]:
    return {**experiments[name]().settings("quick")[which], **SMALL, **changes}


@pytest.mark.parametrize("name", experiments.names())
@pytest.mark.parametrize("profile", ["quick", "full"])
def test_settings_are_what_json_gives_back(name: str, profile: str) -> None:
    import json

    found = experiments[name]().settings(profile)
    assert json.loads(json.dumps(found)) == found
    assert len({json.dumps(each, sort_keys=True) for each in found}) == len(found)


def test_the_laws_of_the_pairs_are_those_of_the_papers() -> None:
    laws = {law["pattern"]: law["plausible"] for law in _laws_of_pairs()}
    assert laws == {
        "dense": ["n²"],
        "banded": ["n"],
        "strided": ["n√n"],
        "fixed": ["n√n"],
        "log_sparse": ["n log n"],
        "dense, banded in turns": ["n²"],
    }


def test_layers_in_turns_have_half_the_constant_of_dense_ones() -> None:
    factors = {law["pattern"]: law["factor"] for law in _laws_of_pairs()}
    assert factors["dense"] == pytest.approx(1 / 2)
    assert factors["dense, banded in turns"] == pytest.approx(1 / 4)


def test_a_mask_that_shows_other_pairs_than_the_formula_says_fails(monkeypatch: pytest.MonkeyPatch) -> None:
    assert set(_counted_pairs(masks_up_to=512)) == set(KINDS)
    monkeypatch.setattr(patterns["strided"], "visible_pairs", lambda self, n: n)
    with pytest.raises(CountMismatchError, match="strided shows 256 pairs of 256 tokens by formula"):
        _counted_pairs(masks_up_to=512)


def test_attention_from_end_to_end() -> None:
    """With sparse kernels from 256 tokens on."""
    lengths, kinds = [16, 24, 32, 48, 64, 256, 288], [*KINDS, *QUICK]
    found = experiments["attention"]().measure(
        small("attention", seq_lens=lengths, up_to={"forward": 288, "training": 256}, matrix=64, masks_up_to=256)
    )
    assert len(found["rows"]) == len({row["name"] for row in found["rows"]}) == (2 * len(lengths) - 1) * len(kinds)
    for row in found["rows"]:
        assert (row["anchor"], row["to"]) == (PRODUCT, PRODUCT if row["pattern"] == "dense" else "dense")
        assert 0 <= row["seconds"]["low"] <= row["seconds"]["mid"] <= row["seconds"]["high"]
    samples = found["samples"][0]["forward"]["16"]
    assert set(samples) == {*kinds, control("dense"), PRODUCT, PEAK}
    assert {len(each) for each in samples.values()} == {2}


def test_decoding_holds_the_bytes_of_the_closed_forms() -> None:
    """2 x heads x channels x keys x 4 bytes; a byte a channel and 4 a vector where the cache is quantised."""
    n = 2 * WINDOW
    found = experiments["decoding"]().measure(small("decoding", seq_lens=[n]))
    held = {row["arrangement"]: row["cache_bytes"] for row in found["rows"]}
    assert held == {
        "MHA": 2 * HEADS * CHANNELS * n * 4,
        "GQA, 4 queries a key head": 2 * (HEADS // 4) * CHANNELS * n * 4,
        "MQA": 2 * CHANNELS * n * 4,
        "MHA, banded": 2 * HEADS * CHANNELS * WINDOW * 4,
        "MHA, int8 cache": 2 * HEADS * n * (CHANNELS + 4),
        "GQA, int8 cache": 2 * (HEADS // 4) * n * (CHANNELS + 4),
        "MQA, int8 cache": 2 * n * (CHANNELS + 4),
        "latent attention": (4 * CHANNELS + CHANNELS // 2) * n * 4,
        "Mamba-2": HEADS * CHANNELS * 128 * 4,
        "gated DeltaNet": HEADS * CHANNELS * CHANNELS * 4,
    }
    assert found["exact"] == {"cache_bytes": {str(n): held}}
    assert set(held) == set(ARRANGEMENTS)


def test_decoding_goes_through_the_layers_of_a_stack_in_turn() -> None:
    """As many as together hold so many bytes: the more, the smaller the cache of each."""
    n = 2 * WINDOW
    found = experiments["decoding"]().measure(small("decoding", which=1, seq_lens=[n], stack_bytes=2 << 20))
    assert [(row["arrangement"], row["layers"]) for row in found["rows"]][:3] == [
        ("MHA", 1),
        ("GQA, 4 queries a key head", 4),
        ("MQA", 8),
    ]
    calls = [lambda: "first", lambda: "second"]
    call = _in_turn(calls)
    assert [call() for _ in range(3)] == ["first", "second", "first"]


@pytest.mark.parametrize("name", ARRANGEMENTS)
def test_decoding_of_several_sequences_holds_as_many_times_the_bytes(name: str) -> None:
    one, three = (ARRANGEMENTS[name].step(2 * WINDOW, batch_size, torch.float32)[1] for batch_size in (1, 3))
    assert three == 3 * one


@pytest.mark.parametrize("name", ARRANGEMENTS)
def test_a_step_of_decoding_runs_on_another_device_than_the_cpu(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """On the meta device, as there may be no GPU."""
    for module in ("decoding", "recurrences"):
        monkeypatch.setattr(f"harness.experiments.{module}.device", lambda: "meta")
    step, _ = ARRANGEMENTS[name].step(2 * WINDOW, 1, torch.bfloat16)
    out = step()
    assert isinstance(out, torch.Tensor)
    assert (out.shape, out.device.type) == ((1, 1, HEADS, CHANNELS), "meta")


@pytest.mark.parametrize("which", range(3))
def test_norms_from_end_to_end(which: int) -> None:
    settings = small("norms", which, shapes=[[4, 64]])
    found = experiments["norms"]().measure(settings)
    assert {row["anchor"] for row in found["rows"]} == {"matrix product" if which == 2 else "copy"}
    assert [row["pass"] for row in found["rows"]] == ["forward", "training"]
    assert all(row["noise"][0] <= 1 <= row["noise"][1] for row in found["rows"])


def test_throughput_of_matched_models_from_end_to_end() -> None:
    names = ["gpt3-small-banded", "llama-7b", "baichuan-7b", "chatglm2-6b", "chatglm3-6b"]
    size = {"params": 1_500_000, "num_layers": 2, "vocab_size": 256, "max_seq_len": 64}
    changes = {"specs": dict.fromkeys(names, ""), "size": size, "seq_len": 32, "new_tokens": 2, "matrix": 16}
    found = experiments["throughput"]().measure(small("throughput", **changes))
    assert [model["stands_for"] for model in found["exact"]["models"]] == [
        ["llama-7b", "baichuan-7b"],
        ["gpt3-small-banded"],
        ["chatglm2-6b", "chatglm3-6b"],
    ]
    for model in found["exact"]["models"]:
        assert model["params"] == pytest.approx(1_500_000, rel=0.05)
        assert model["peak_bytes"] > model["weight_bytes"] + model["cache_bytes"]
    assert len({row["name"] for row in found["rows"]}) == 2 * len(found["exact"]["models"])
    assert {row["to"] for row in found["rows"]} == {"llama-7b", "matrix product", "read"}
    for row in found["rows"]:
        assert 0 <= row["tokens_per_s"]["low"] <= row["tokens_per_s"]["mid"] <= row["tokens_per_s"]["high"]


def test_throughput_of_one_layer_from_end_to_end_is_held_against_its_bounds() -> None:
    sizes = {"size": {"vocab_size": 64}, "seq_len": 8, "new_tokens": 2, "matrix": 16}
    changes = {"models": "block", "specs": {"gpt2-small": ""}, **sizes}
    found = experiments["throughput"]().measure(small("throughput", **changes))
    assert [row["name"] for row in found["rows"]] == [
        "gpt2-small to matrix product, prefill",
        "gpt2-small to read, decode",
    ]
    (model,) = found["exact"]["models"]
    block = _block(load_spec("gpt2-small"), {"size": {"vocab_size": 64}})
    assert model["params"] == params(block)
    assert model["weight_bytes"] == weight_bytes(block, "fp32")
    assert model["cache_bytes"] == kv_cache_bytes(block, 8 + 2, dtype="fp32")


def test_flops_of_a_prefill_are_the_closed_form_with_one_token_in_the_head() -> None:
    spec = load_spec("gpt3-small-banded")
    head = spec.choices.head.flops(spec.dims, 1)
    assert flops(spec, 512) == closed_flops(spec, "prefill", 512) - 511 * head


@pytest.mark.parametrize("name", ["llama-7b", "gpt3-small-banded", "gpt3-small-fixed"])
def test_decoding_starts_behind_the_prompt_each_time(name: str) -> None:
    """Twice the same tokens: each time from n, in caches that hold what they would behind a fresh prefill."""
    spec = load_spec(name).scaled(max_seq_len=64)
    with torch.no_grad():
        candidate = Candidate(spec, {"seq_len": 40, "new_tokens": 3, "dtype": "float32"})
        held = candidate.cache.nbytes
        for _ in range(2):
            candidate.decode()
        assert (candidate.cache.length, candidate.cache.nbytes) == (40, held)
        again, fresh = candidate.cache.aliased(), candidate.prefill()
        for cache in (again, fresh):
            candidate.model(candidate.prompt[:, :3], cache=cache)
    assert again.length == fresh.length == 43
    assert again.nbytes == fresh.nbytes


def test_blocks_are_distinct_layers_of_full_width() -> None:
    specs = {name: _block(load_spec(name), {"size": {"vocab_size": 1024}}) for name in BLOCKS}
    assert [len(names) for names in _alike(specs)] == [1] * len(BLOCKS)
    for name, block in specs.items():
        assert block.dims.hidden_size == load_spec(name).dims.hidden_size
        assert len(build(block, "meta").layers) == 1


def test_full_sizes_are_planned_on_a_gpu_only(monkeypatch: pytest.MonkeyPatch) -> None:
    def planned() -> list[tuple[str, str]]:
        return [(each["models"], each["dtype"]) for each in experiments["throughput"]().settings("quick")]

    monkeypatch.setattr("harness.experiments.throughput.device_name", lambda: "cpu")
    everywhere = planned()
    assert everywhere == [("matched", "float32"), ("whole", "float32")]
    monkeypatch.setattr("harness.experiments.throughput.device_name", lambda: "a GPU")
    assert planned() == [*everywhere, ("block", "bfloat16"), ("whole", "bfloat16")]


@pytest.mark.parametrize("name", [*BLOCKS, "whole llama-7b"])
def test_full_sizes_compute_in_16_bits_what_the_closed_forms_say(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """On the meta device, as there may be no GPU: shapes, types and bytes are those of a real one."""
    monkeypatch.setattr("harness.experiments.throughput.device", lambda: "meta")
    spec = load_spec(name.removeprefix("whole "))
    spec = spec if name.startswith("whole") else _block(spec, {"size": {"vocab_size": 1024}})
    candidate = Candidate(spec, {"seq_len": 2000, "new_tokens": 8, "dtype": "bfloat16"})
    candidate.decode()
    assert candidate.weight_bytes == weight_bytes(spec, "bf16")
    assert candidate.cache.nbytes == kv_cache_bytes(spec, 2008, dtype="bf16")
    read = [p for name, p in candidate.model.named_parameters() if name.startswith("layers") and "norm" not in name]
    numbers = sum(parameter.numel() for parameter in read) + spec.dims.hidden_size * spec.dims.vocab_size
    assert candidate.step_bytes == 2 * numbers + candidate.cache.nbytes
