"""How long the closed forms and the reading of specs take."""

from __future__ import annotations

from pytest_benchmark.fixture import BenchmarkFixture

import harness
from harness.metrics.flops import PHASES
from harness.metrics.kv_cache import kv_cache_bytes_per_token
from harness.spec import Spec, library, load_spec, spec_names


def test_params_of_all_specs(benchmark: BenchmarkFixture, specs: dict[str, Spec]) -> None:
    totals = benchmark(lambda: {name: harness.params(spec) for name, spec in specs.items()})
    assert totals["llama-7b"] == 6738415616


def test_flops_of_all_specs_at_their_longest(benchmark: BenchmarkFixture, specs: dict[str, Spec]) -> None:
    def count() -> list[int]:
        return [
            harness.flops(spec, phase, spec.dims.max_seq_len, 1, causal)
            for spec in specs.values()
            for phase in PHASES
            for causal in (False, True)
        ]

    assert len(benchmark(count)) == len(specs) * 6


def test_caches_of_all_specs_at_their_longest(benchmark: BenchmarkFixture, specs: dict[str, Spec]) -> None:
    def count() -> dict[str, tuple[int, int]]:
        return {
            name: (harness.kv_cache_bytes(spec, spec.dims.max_seq_len), kv_cache_bytes_per_token(spec))
            for name, spec in specs.items()
        }

    assert benchmark(count)["llama-7b"] == (1 << 30, 1 << 19)


def test_longest_contexts_of_all_specs(benchmark: BenchmarkFixture, specs: dict[str, Spec]) -> None:
    contexts = benchmark(lambda: [harness.longest_context(spec, 80 * 10**9) for spec in specs.values()])
    assert len(contexts) == len(specs)


def test_loading_all_specs(benchmark: BenchmarkFixture) -> None:
    def load() -> list[Spec]:
        library._library.cache_clear()
        library._library_tree.cache_clear()
        return [load_spec(name) for name in spec_names()]

    assert [spec.name for spec in benchmark(load)] == spec_names()
