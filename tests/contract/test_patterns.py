"""Every pattern against its own predicate, by brute force, and its attention against a softmax written out."""

from __future__ import annotations

import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from harness.choices.axes import AXES
from harness.choices.patterns import Pattern
from harness.choices.positions.alibi import Alibi
from harness.modules.kernels import reference
from harness.modules.kernels.attend import attend
from harness.modules.kernels.view import View
from tests.contract.examples import every_pattern
from tests.kernels.rows import changed

LENGTHS = st.integers(1, 40)
HORIZON = 4
"""How many times the length one must look ahead for a query that still sees a key.

Options are at most 9, so within 9 places a band has passed, a stride has come round and a block has ended; a distance
that is to be a power of two, or a multiple of the distance so far, has one before it doubles. Four times the length,
and four times the largest option, leave room for a pattern to come.
"""
ROUNDING = {"rtol": 0.0, "atol": 1e-12}
"""Softmax and two products of numbers near 1 over at most 40 keys, in float64: errors are some 1e-15."""


def mask(pattern: Pattern, n: int, queries: int | None = None, context: int = 0) -> Tensor:
    """Visible pairs by integers, one by one, [queries, n]."""
    rows = [[pattern.visible(q, k, context) for k in range(n)] for q in range(queries or n)]
    return torch.tensor(rows, dtype=torch.bool)


@given(every_pattern(), st.integers(0, 40))
@settings(deadline=None)
def test_visible_pairs_are_the_sum_of_the_mask(pattern: Pattern, n: int) -> None:
    assert pattern.visible_pairs(n) == sum(bool(pattern.visible(q, k)) for q in range(n) for k in range(n))


@given(every_pattern(), LENGTHS, st.integers(0, 40))
@settings(deadline=None)
def test_integers_and_tensors_see_the_same(pattern: Pattern, n: int, context: int) -> None:
    places = torch.arange(n)
    by_tensors = pattern.visible(places[:, None], places[None, :], context)
    assert by_tensors.dtype == torch.bool
    assert torch.equal(by_tensors, mask(pattern, n, context=context))
    kept = torch.tensor([bool(pattern.kept(k, n)) for k in range(n + 3)])
    assert torch.equal(pattern.kept(torch.arange(n + 3), n), kept)


@given(every_pattern(), st.integers(0, 60), st.integers(0, 60))
@settings(deadline=None)
def test_no_query_sees_a_later_key(pattern: Pattern, q: int, k: int) -> None:
    assert not pattern.visible(q, k) or k <= q


@given(every_pattern(), st.integers(0, 60))
@settings(deadline=None)
def test_every_query_sees_its_own_key(pattern: Pattern, q: int) -> None:
    assert pattern.visible(q, q)


@given(every_pattern(), LENGTHS, LENGTHS, LENGTHS)
@settings(deadline=None)
def test_a_context_takes_nothing_away_and_adds_nothing_outside(pattern: Pattern, q: int, k: int, context: int) -> None:
    alone, with_context = bool(pattern.visible(q, k)), bool(pattern.visible(q, k, context))
    assert with_context >= alone
    assert with_context == alone or k < context


@given(every_pattern(), st.integers(1, 30))
@settings(deadline=None)
def test_a_cache_keeps_what_a_query_to_come_sees(pattern: Pattern, n: int) -> None:
    to_come = range(n - 1, HORIZON * (n + 9))
    needed = [any(pattern.visible(q, k) for q in to_come) for k in range(n)]
    assert [bool(pattern.kept(k, n)) for k in range(n)] == needed
    assert pattern.cached_keys(n) == sum(needed)
    assert pattern.forgets or all(needed)


@given(every_pattern(), st.integers(1, 60))
@settings(deadline=None)
def test_the_peak_of_a_cache_is_its_largest_size_so_far(pattern: Pattern, n: int) -> None:
    assert pattern.peak_keys(n) == max(pattern.cached_keys(m) for m in range(1, n + 1))


@given(every_pattern(), st.integers(0, 30), LENGTHS)
@settings(deadline=None)
def test_what_a_cache_has_dropped_is_not_kept_again(pattern: Pattern, k: int, n: int) -> None:
    kept = [bool(pattern.kept(k, later)) for later in range(k + 1, k + 1 + n)]
    assert kept == sorted(kept, reverse=True)


def softmax_attention(q: Tensor, k: Tensor, v: Tensor, visible: Tensor, bias: Tensor | None) -> Tensor:
    """Vaswani et al. 2017, equation 1, head by head and query by query, [B, T, H, C]; `visible` is [T, S]."""
    group = q.shape[2] // k.shape[2]
    heads = []
    for head in range(q.shape[2]):
        rows = []
        for row in range(q.shape[1]):
            seen = visible[row].nonzero().flatten()
            keys, values = k[:, seen, head // group], v[:, seen, head // group]  # [B, seen, C]
            scores = (keys * q[:, row, head, None]).sum(-1) / q.shape[-1] ** 0.5
            if bias is not None:
                scores = scores + bias[head, row, seen]
            weights = scores.exp() / scores.exp().sum(-1, keepdim=True)
            rows.append((weights[..., None] * values).sum(1))
        heads.append(torch.stack(rows, dim=1))
    return torch.stack(heads, dim=2)


@given(
    pattern=every_pattern(),
    start=st.sampled_from([0, 0, 1, 6]),
    computed=st.sampled_from([1, 2, 7]),
    kv_heads=st.sampled_from([1, 2, 4]),
    with_bias=st.booleans(),
    context=st.sampled_from([0, 3]),
    strip=st.sampled_from([1, 3, 256]),
    seed=st.integers(0, 1000),
)
@settings(deadline=None, max_examples=100)
def test_attention_is_a_softmax_over_the_visible_keys(
    pattern: Pattern, start: int, computed: int, kv_heads: int, with_bias: bool, context: int, strip: int, seed: int
) -> None:
    """From the start, or behind a cache: one query to decode, or a chunk."""
    generator = torch.Generator().manual_seed(seed)
    heads, channels, n = 4, 3, start + computed
    context = 0 if start < context else context  # a context passes whole before anything behind it

    def drawn(*shape: int) -> Tensor:
        return torch.randn(shape, generator=generator, dtype=torch.float64, requires_grad=True)

    inputs = [drawn(2, computed, heads, channels), *(drawn(2, n, kv_heads, channels) for _ in range(2))]
    queries, keys = torch.arange(start, n), torch.arange(n)
    slopes = torch.tensor(Alibi.slopes(heads), dtype=torch.float64)[:, None, None]

    def biases(queries: Tensor, keys: Tensor) -> Tensor:
        return slopes * (keys - queries[:, None])

    bias = biases(queries, keys) if with_bias else None
    view = View(queries, keys, context, biases if with_bias else None, from_start=start == 0)
    with changed(mask_strip=strip, sparse_from=1):
        out = attend(pattern, *inputs, view)
    expected = softmax_attention(*inputs, mask(pattern, n, context=context)[start:], bias)
    torch.testing.assert_close(out, expected, **ROUNDING)
    torch.testing.assert_close(reference.attend(pattern, *inputs, view), expected, **ROUNDING)
    towards = drawn(*out.shape).detach()
    gradients = torch.autograd.grad(out, inputs, towards)
    for gradient, wanted in zip(gradients, torch.autograd.grad(expected, inputs, towards), strict=True):
        torch.testing.assert_close(gradient, wanted, **ROUNDING)


@given(every_pattern(), st.integers(1, 30))
@settings(deadline=None)
def test_a_decoding_query_needs_only_the_keys_that_are_kept(pattern: Pattern, n: int) -> None:
    generator = torch.Generator().manual_seed(n)
    q, k, v = (torch.randn(1, length, 2, 3, generator=generator, dtype=torch.float64) for length in (1, n, n))
    query, places = torch.tensor([n - 1]), torch.arange(n)
    kept = places[pattern.kept(places, n)]
    out = attend(pattern, q, k[:, kept], v[:, kept], View(query, kept))
    torch.testing.assert_close(out, softmax_attention(q, k, v, mask(pattern, n)[[n - 1]], None), **ROUNDING)


def test_a_prefix_adds_the_pairs_that_its_page_says() -> None:
    prefix = AXES["pattern"]["prefix"]()
    for n in range(1, 12):
        for context in range(n + 1):
            added = int(mask(prefix, n, context=context).sum()) - prefix.visible_pairs(n)
            assert added == context * (context - 1) // 2
