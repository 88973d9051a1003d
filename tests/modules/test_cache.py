"""Caches of rounded keys and values, and copies of caches."""

from __future__ import annotations

import pytest
import torch

from harness.metrics.kv_cache import kv_cache_bytes
from harness.modules.cache import QuantisedStore, Store
from harness.spec import load_spec
from tests.contract.examples import lively, tokens_for


def test_a_rounded_vector_is_off_by_half_a_step_at_most() -> None:
    vectors = torch.randn(2, 5, 3, 16, generator=torch.Generator().manual_seed(0))
    store = QuantisedStore(capacity=5)
    store.write(0, vectors)
    steps = vectors.abs().amax(-1, keepdim=True) / 127
    assert ((store.read(5) - vectors).abs() <= steps * 0.501).all()
    assert store.nbytes == 2 * 5 * 3 * (16 + 4)


def test_a_vector_of_zeros_stays_one() -> None:
    store = QuantisedStore(capacity=0)
    store.write(0, torch.zeros(1, 2, 1, 4))
    assert torch.equal(store.read(2), torch.zeros(1, 2, 1, 4))


@pytest.mark.parametrize("name", ["llama-7b", "gpt3-small", "gpt3-small-fixed"])
def test_a_quantised_cache_changes_little_and_holds_codes_and_scales(name: str) -> None:
    model = lively(load_spec(name).scaled(max_seq_len=40))
    tokens = tokens_for(model.spec, 2, 20)
    cache = model.new_cache(quantised=True)
    with torch.no_grad():
        exact = model(tokens)
        pieces = torch.cat([model(piece, cache=cache) for piece in tokens.split(1, dim=1)], dim=1)
    assert (pieces - exact).abs().mean() < 0.02 * exact.abs().mean()
    channels = model.spec.choices.attention.channels(model.spec.dims)
    codes = kv_cache_bytes(model.spec, 20, 2, "int8")
    assert cache.nbytes == codes + 4 * codes // channels


@pytest.mark.parametrize("kind", [Store, QuantisedStore])
def test_rows_are_copied(kind: type[Store]) -> None:
    store = kind(capacity=3)
    store.write(0, torch.randn(2, 3, 1, 4, generator=torch.Generator().manual_seed(0)))
    copied = store.rows(torch.tensor([1, 1, 0]))
    assert torch.equal(copied.read(3), store.read(3)[[1, 1, 0]])
    copied.write(0, torch.ones(3, 1, 1, 4))
    assert not torch.equal(copied.read(1), store.read(1)[[1, 1, 0]])
