"""Closed forms against modules, counters, caches and masks, to the digit, for every example."""

from __future__ import annotations

import pytest

from harness.counters import COUNTERS, Counter, cache_bytes, counted_flops, parameter_count
from harness.factory import build
from harness.metrics.flops import flops_breakdown
from harness.metrics.kv_cache import kv_cache_bytes
from harness.metrics.params import params, params_breakdown
from tests.contract.examples import EXAMPLES, Example, T, model_of, spec_of


@pytest.mark.parametrize("example", EXAMPLES, ids=str)
def test_parameters_are_those_of_the_modules(example: Example) -> None:
    spec = spec_of(example)
    assert params_breakdown(spec) == parameter_count(build(spec, device="meta"))
    assert params(spec) == sum(parameter.numel() for parameter in model_of(example).parameters())


@pytest.mark.parametrize("counter", COUNTERS, ids=[counter.name for counter in COUNTERS])
@pytest.mark.parametrize("example", EXAMPLES, ids=str)
def test_flops_are_those_of_the_counters(example: Example, counter: Counter) -> None:
    spec = spec_of(example)
    for phase in counter.phases:
        assert flops_breakdown(spec, phase, T, 2, causal=False) == counted_flops(counter, spec, phase, T, 2), phase


@pytest.mark.parametrize(("seq_len", "batch_size"), [(1, 1), (T, 2)])
@pytest.mark.parametrize("example", EXAMPLES, ids=str)
def test_cache_bytes_are_those_of_a_cache(example: Example, seq_len: int, batch_size: int) -> None:
    spec = spec_of(example)
    assert kv_cache_bytes(spec, seq_len, batch_size) == cache_bytes(spec, seq_len, batch_size)
