"""Kernels of the experiments against each other and against torch's, for the benchmark file."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from harness.timing import Samples, device, in_turns
from tests.bench.pairs import Compare, Comparison, Measured, measure

PROCESSES, ROUNDS, BLOCK_S = 5, 5, 0.004
SETTINGS = {"seq_len": 2048, "cached": 16384, "tokens": 1024, "width": 768}
PATTERNS = ["banded", "strided", "fixed", "log_sparse"]
TRIED = {"forward": ["dense", *PATTERNS], "training": ["dense"]}
"""Patterns by pass."""
ARRANGEMENTS = ["MHA", "GQA, 4 queries a key head", "MQA"]
TORCH = "torch's kernel"


@pytest.fixture(scope="module")
def measured() -> Measured:
    return measure(sample, SETTINGS, PROCESSES)


def sample(settings: dict[str, int], number: int) -> dict[str, Samples]:
    """Attention forward and in training, a token behind a long cache, and norms."""
    import torch

    def timed(calls: dict[str, Callable[[], object]], controlled: str) -> Samples:
        return in_turns(calls, controlled, ROUNDS, BLOCK_S, number)

    found = {f"attention, {which}": timed(attention(settings["seq_len"], which), TORCH) for which in TRIED}
    torch.set_grad_enabled(False)
    found["decoding"] = timed(decoding(settings["cached"]), by_torch("MHA"))
    for how in ("textbook", "native"):
        found[how] = timed(norms(how, settings), f"{how} layer")
    return found


def attention(n: int, which: str) -> dict[str, Callable[[], object]]:
    """A pass over n tokens, with each pattern and by torch."""
    import torch

    from harness.experiments.attention import CHANNELS, HEADS, calls_of

    training = which == "training"
    shape = (1, n, HEADS, CHANNELS)
    q, k, v = (torch.randn(shape, device=device(), requires_grad=training).transpose(1, 2) for _ in range(3))
    ahead = torch.randn_like(q)

    def out() -> torch.Tensor:
        return torch.nn.functional.scaled_dot_product_attention(q, k, v, is_causal=True)

    def both() -> object:
        return torch.autograd.grad(out(), (q, k, v), ahead)

    return {TORCH: both if training else out, **calls_of(TRIED[which], n, which, "float32")}


def by_torch(arrangement: str) -> str:
    return f"{arrangement}, by {TORCH}"


def decoding(n: int) -> dict[str, Callable[[], object]]:
    """The n-th token with fewer or more key-value heads, and the same by torch from a cache that is there already."""
    import torch

    from harness.experiments import decoding

    def torchs(kv_heads: int) -> Callable[[], object]:
        q = torch.randn(1, decoding.HEADS, 1, decoding.CHANNELS, device=device())
        k, v = (torch.randn(1, kv_heads, n, decoding.CHANNELS, device=device()) for _ in range(2))
        attend = torch.nn.functional.scaled_dot_product_attention
        return lambda: attend(q, k, v, enable_gqa=kv_heads < decoding.HEADS)

    ours = {name: decoding.ARRANGEMENTS[name].step(n, 1, torch.float32)[0] for name in ARRANGEMENTS}
    return ours | {by_torch(name): torchs(decoding.ARRANGEMENTS[name].kv_heads) for name in ARRANGEMENTS}


def norms(how: str, settings: dict[str, int]) -> dict[str, Callable[[], object]]:
    """Both norms, forward, and a copy of what they are given."""
    import torch

    from harness.experiments.norms import norms_of

    calls: dict[str, Callable[[], object]] = norms_of(
        how, settings["tokens"], settings["width"], "forward", torch.float32
    )
    return {name: calls[name] for name in (f"{how} rms", f"{how} layer", "copy")}


@pytest.mark.parametrize("which", TRIED)
def test_dense_attention_and_torchs_own(compare: Compare, measured: Measured, which: str) -> None:
    name = f"dense attention to {TORCH}, {SETTINGS['seq_len']} tokens, {which}"
    compare(measured, Comparison(name, f"attention, {which}", "dense", TORCH, goal=1.02))


@pytest.mark.parametrize("kind", PATTERNS)
def test_sparse_attention_and_dense(compare: Compare, measured: Measured, kind: str) -> None:
    name = f"{kind} to dense attention, {SETTINGS['seq_len']} tokens, forward"
    compare(measured, Comparison(name, "attention, forward", kind, "dense", controlled=TORCH, anchor=TORCH, goal=1.0))


@pytest.mark.parametrize("arrangement", ARRANGEMENTS)
def test_decoding_and_torchs_own(compare: Compare, measured: Measured, arrangement: str) -> None:
    mha, theirs = by_torch("MHA"), by_torch(arrangement)
    name = f"a token of {arrangement} to {TORCH}, {SETTINGS['cached']} cached"
    compare(measured, Comparison(name, "decoding", arrangement, theirs, controlled=mha, goal=1.0))


@pytest.mark.parametrize("arrangement", ARRANGEMENTS[1:])
def test_decoding_with_fewer_key_value_heads(compare: Compare, measured: Measured, arrangement: str) -> None:
    mha = by_torch("MHA")
    name = f"a token of {arrangement} to MHA, {SETTINGS['cached']} cached"
    compare(measured, Comparison(name, "decoding", arrangement, "MHA", controlled=mha, anchor=mha))


@pytest.mark.parametrize("how", ["textbook", "native"])
def test_rmsnorm_and_layernorm(compare: Compare, measured: Measured, how: str) -> None:
    name = f"{how} RMSNorm to LayerNorm, {SETTINGS['tokens']} x {SETTINGS['width']}"
    compare(measured, Comparison(name, how, f"{how} rms", f"{how} layer", anchor="copy"))
