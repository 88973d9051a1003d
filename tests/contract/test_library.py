"""Every spec of the library, scaled down."""

from __future__ import annotations

import pytest
import torch
from torch.nn.functional import cross_entropy

from harness.choices.axes import PER_LAYER
from harness.choices.mixers import sharing
from harness.choices.mixers.softmax import Softmax
from harness.counters import parameter_count
from harness.factory import build
from harness.metrics.params import params_breakdown
from harness.spec import Spec, load_spec, spec_names
from tests.contract.examples import T, in_chunks, lively, problems, tokens_for

NAMES = spec_names()


def small(name: str) -> Spec:
    return load_spec(name).scaled(hidden_size=32, vocab_size=61, max_seq_len=24)


@pytest.mark.parametrize("name", NAMES)
def test_a_small_model_learns(name: str) -> None:
    spec = small(name)
    model, tokens = build(spec), tokens_for(spec, 2, T + 1)
    assert parameter_count(model) == params_breakdown(spec)
    logits = model(tokens[:, :-1])
    assert logits.shape == (2, T, 61)
    assert logits.isfinite().all()
    cross_entropy(logits.flatten(0, 1), tokens[:, 1:].flatten()).backward()
    for parameter_name, parameter in model.named_parameters():
        assert parameter.grad is not None, parameter_name
        assert parameter.grad.isfinite().all(), parameter_name


@pytest.mark.parametrize("chunks", [[5] + [1] * 8, [2, 7, 4]], ids=str)
@pytest.mark.parametrize("name", NAMES)
def test_a_cache_changes_nothing(name: str, chunks: list[int]) -> None:
    """In float64, where the ways differ by rounding only: some 1e-13."""
    spec = small(name)
    model, tokens = lively(spec), tokens_for(spec, 2)
    with torch.no_grad():
        torch.testing.assert_close(in_chunks(model, tokens, chunks), model(tokens), rtol=0.0, atol=1e-10)


@pytest.mark.parametrize("hidden_size", [16, 64, 256])
@pytest.mark.parametrize("name", NAMES)
def test_scaling_keeps_what_makes_the_architecture(name: str, hidden_size: int) -> None:
    spec = load_spec(name)
    scaled = spec.scaled(hidden_size=hidden_size)
    assert problems(scaled) == []
    if len(spec.layers) < spec.dims.num_layers:  # a round of blocks, not layers named one by one
        assert scaled.layers == spec.layers
    assert set(scaled.layers) == set(spec.layers)
    assert list(scaled.block_counts) == list(spec.block_counts)
    kinds = [(axis, choice.kind) for axis, choice in spec.choices.items()]
    assert [(axis, choice.kind) for axis, choice in scaled.choices.items()] == kinds
    for block, old in spec.blocks.items():
        new = scaled.blocks[block]
        assert [getattr(new, axis).kind for axis in PER_LAYER] == [getattr(old, axis).kind for axis in PER_LAYER]
        if isinstance(old.mixer, Softmax):
            assert sharing(new.mixer.num_heads, new.mixer.kv_heads) == sharing(old.mixer.num_heads, old.mixer.kv_heads)
            assert new.mixer.num_heads // new.mixer.kv_heads <= old.mixer.num_heads // old.mixer.kv_heads


@pytest.mark.parametrize("name", NAMES)
def test_scaling_keeps_shares(name: str) -> None:
    """The MLP's share of the width, within the rounding to whole channels, and a window's of the length."""
    spec = load_spec(name)
    scaled = spec.scaled(hidden_size=spec.dims.hidden_size // 4, max_seq_len=spec.dims.max_seq_len // 2)
    if spec.choices.mlp.kind != "none":
        wanted = spec.choices.mlp.intermediate_size / 4
        assert abs(scaled.choices.mlp.intermediate_size - wanted) <= 0.5
    for block, old in spec.blocks.items():
        options, halved = old.pattern.options(), scaled.blocks[block].pattern.options()
        assert {key: 2 * value if isinstance(value, int) else value for key, value in halved.items()} == options
