"""Kernels of the experiments against each other, so that their times stand in the history of the benchmark file."""

from __future__ import annotations

from typing import Any

import pytest
from pytest_benchmark.fixture import BenchmarkFixture

from harness.timing import Samples, in_turns
from tests.bench.pairs import compare

PROCESSES, ROUNDS, BLOCK_S = 5, 7, 0.004


def attention(settings: dict[str, Any], number: int) -> Samples:
    """A sparse pattern and dense attention, forward."""
    from harness.experiments.attention import calls_of

    calls = calls_of([settings["ours"], "dense"], settings["seq_len"], "forward", "float32")
    return _timed(calls[settings["ours"]], calls["dense"], number)


def decoding(settings: dict[str, Any], number: int) -> Samples:
    """A token with fewer key-value heads, and with as many as there are query heads."""
    import torch

    from harness.experiments.decoding import step_of

    torch.set_grad_enabled(False)
    ours, theirs = (step_of(name, settings["seq_len"], 1, torch.float32)[0] for name in (settings["ours"], "MHA"))
    return _timed(ours, theirs, number)


def norms(settings: dict[str, Any], number: int) -> Samples:
    """RMSNorm and LayerNorm, forward."""
    import torch

    from harness.experiments.norms import norms_of

    how = settings["ours"]
    calls = norms_of(how, settings["tokens"], settings["width"], "forward", torch.float32)
    return _timed(calls[f"{how} rms"], calls[f"{how} layer"], number)


def _timed(ours: Any, theirs: Any, number: int) -> Samples:
    return in_turns({"ours": ours, "theirs": theirs}, "theirs", ROUNDS, BLOCK_S, number)


@pytest.mark.parametrize("kind", ["banded", "strided", "fixed", "log_sparse"])
def test_sparse_attention_is_faster_than_dense(benchmark: BenchmarkFixture, kind: str) -> None:
    result = compare(benchmark, attention, {"ours": kind, "seq_len": 4096}, PROCESSES)
    assert result["verdict"] == "faster"


@pytest.mark.parametrize("name", ["GQA, 4 queries a key head", "MQA"])
def test_fewer_key_value_heads_decode_faster(benchmark: BenchmarkFixture, name: str) -> None:
    result = compare(benchmark, decoding, {"ours": name, "seq_len": 16384}, PROCESSES)
    assert result["verdict"] == "faster"


@pytest.mark.parametrize("how", ["textbook", "native"])
def test_rmsnorm_and_layernorm(benchmark: BenchmarkFixture, how: str) -> None:
    """Of the native ones the benchmark only keeps the times: which is faster is what the experiment tells."""
    result = compare(benchmark, norms, {"ours": how, "tokens": 1024, "width": 768}, PROCESSES)
    if how == "textbook":
        assert result["verdict"] == "faster"
