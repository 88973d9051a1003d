"""Caches of rounded keys and values, and copies of caches."""

from __future__ import annotations

import pytest
import torch
from torch.profiler import ProfilerActivity, profile

from harness.choices.patterns import Pattern
from harness.factory import build
from harness.metrics.kv_cache import kv_cache_bytes
from harness.modules.decoder import Decoder
from harness.modules.key_values import Codes, QuantisedStore, Store
from harness.modules.states import Cache
from harness.spec import Spec, load_spec
from tests.contract.examples import lively, tokens_for


def test_a_rounded_vector_is_off_by_half_a_step_at_most() -> None:
    vectors = torch.randn(2, 5, 3, 16, generator=torch.Generator().manual_seed(0))
    store = QuantisedStore(capacity=5)
    store.write(0, vectors)
    steps = vectors.abs().amax(-1, keepdim=True) / 127
    assert ((store.read(5).expanded() - vectors).abs() <= steps * 0.501).all()
    assert store.nbytes == 2 * 5 * 3 * (16 + 4)


def test_a_vector_of_zeros_stays_one() -> None:
    store = QuantisedStore(capacity=0)
    store.write(0, torch.zeros(1, 2, 1, 4))
    assert torch.equal(store.read(2).expanded(), torch.zeros(1, 2, 1, 4))


@pytest.mark.parametrize("name", ["llama-7b", "gpt3-small", "gpt3-small-fixed"])
def test_a_quantised_cache_changes_little_and_holds_codes_and_scales(name: str) -> None:
    model = lively(load_spec(name).scaled(max_seq_len=40))
    tokens = tokens_for(model.spec, 2, 20)
    cache = model.new_cache(quantised=True)
    with torch.no_grad():
        exact = model(tokens)
        pieces = torch.cat([model(piece, cache=cache) for piece in tokens.split(1, dim=1)], dim=1)
    assert (pieces - exact).abs().mean() < 0.02 * exact.abs().mean()
    channels = model.spec.choices.mixer.channels(model.spec.dims)
    codes = kv_cache_bytes(model.spec, 20, 2, "int8")
    assert cache.nbytes == codes + 4 * codes // channels


@pytest.mark.parametrize(("batch_size", "n"), [(1, 33), (3, 80)])
@pytest.mark.parametrize("form", ["fp32", "bf16", "int8"])
@pytest.mark.parametrize("name", ["llama-7b", "smollm2-135m", "llama-7b-mqa", "llama-7b-banded", "gpt3-small"])
def test_what_the_profiler_sees_allocated_and_held_is_the_closed_form(
    name: str, form: str, batch_size: int, n: int
) -> None:
    """So are the storages. A layer that forgets also holds the number of each column, 8 bytes for the whole batch."""
    spec = load_spec(name).scaled(hidden_size=128, num_layers=2, vocab_size=61, max_seq_len=80)
    model = build(spec, "cpu", torch.bfloat16 if form == "bf16" else torch.float32)
    quantised = form == "int8"
    filled(model, batch_size, n, quantised)  # what the model keeps for itself is there before
    with profile(activities=[ProfilerActivity.CPU], profile_memory=True) as profiler:
        cache = filled(model, batch_size, n, quantised)
    held = sum(event.self_cpu_memory_usage for event in profiler.key_averages())
    closed = kv_cache_bytes(spec, n, batch_size, form) + (scale_bytes(spec, n, batch_size) if quantised else 0)
    assert cache.nbytes == closed
    assert held == closed + sum(8 * pattern.cached_keys(n) for pattern in patterns_of(spec) if pattern.forgets)


def filled(model: Decoder, batch_size: int, n: int, quantised: bool) -> Cache:
    """A prompt of all but two tokens, and those one by one."""
    cache = model.new_cache(capacity=n, quantised=quantised)
    tokens = tokens_for(model.spec, batch_size, n)
    with torch.no_grad():
        for piece in tokens.split([n - 2, 1, 1], dim=1):
            model(piece, cache=cache)
    return cache


def scale_bytes(spec: Spec, n: int, batch_size: int) -> int:
    """A number of 4 bytes for each vector, of keys and of values."""
    return sum(
        batch_size * 2 * spec.layer(index).mixer.kv_heads * pattern.cached_keys(n) * 4
        for index, pattern in enumerate(patterns_of(spec))
    )


def patterns_of(spec: Spec) -> list[Pattern]:
    return [spec.layer(index).pattern for index in range(spec.dims.num_layers)]


@pytest.mark.parametrize("kind", [Store, QuantisedStore])
def test_rows_are_copied(kind: type[Store]) -> None:
    store = kind(capacity=3)
    store.write(0, torch.randn(2, 3, 1, 4, generator=torch.Generator().manual_seed(0)))
    copied = store.rows(torch.tensor([1, 1, 0]))
    assert torch.equal(vectors(copied, 3), vectors(store, 3)[[1, 1, 0]])
    copied.write(0, torch.ones(3, 1, 1, 4))
    assert not torch.equal(vectors(copied, 1), vectors(store, 1)[[1, 1, 0]])


def vectors(store: Store, count: int) -> torch.Tensor:
    held = store.read(count)
    return held.expanded() if isinstance(held, Codes) else held
