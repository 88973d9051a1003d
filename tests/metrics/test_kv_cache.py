"""Bytes of caches and weights, and the longest context that fits beside the weights."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from harness.errors import HarnessError
from harness.metrics.kv_cache import (
    BITS,
    constant_bytes,
    kv_cache_bytes,
    kv_cache_bytes_per_token,
    longest_context,
    weight_bytes,
)
from harness.metrics.params import params
from harness.spec import Spec, load_spec, spec_names

EVERY_SPEC = st.sampled_from(spec_names()).map(load_spec)
DTYPES = st.sampled_from(sorted(BITS))
BYTES = {"fp32": 4.0, "fp16": 2.0, "bf16": 2.0, "int8": 1.0, "int4": 0.5}


def keys_of_gpt3(n: int) -> int:
    """Six dense layers keep everything, six banded ones 256 keys."""
    return 6 * n + 6 * min(n, 256)


@pytest.mark.parametrize("dtype", sorted(BYTES))
@pytest.mark.parametrize("n", [1, 255, 256, 257, 2048])
@pytest.mark.parametrize("batch_size", [1, 3])
def test_a_cache_holds_keys_and_values_of_every_layer(dtype: str, n: int, batch_size: int) -> None:
    """2 x layers x key-value heads x channels x tokens, by hand from the papers' sizes."""
    for name, scalars in {
        "llama-7b": 2 * 32 * 4096 * n,
        "llama2-70b": 2 * 80 * 8 * 128 * n,
        "chatglm2-6b": 2 * 28 * 2 * 128 * n,
        "llama-7b-mqa": 2 * 32 * 1 * 128 * n,
        "gpt3-small": 2 * 768 * keys_of_gpt3(n),
    }.items():
        assert kv_cache_bytes(load_spec(name), n, batch_size, dtype) == batch_size * scalars * BYTES[dtype]


def test_every_number_format_is_tried_here() -> None:
    assert set(BYTES) == set(BITS)


def test_half_a_byte_is_rounded_up() -> None:
    """A cache has an even number of scalars for keys and values; weights can be odd in number."""
    tiny = load_spec("llama-7b").scaled(hidden_size=4, vocab_size=1, num_layers=1)
    odd = replace(
        tiny, choices=replace(tiny.choices, head=tiny.choices.head.model_copy(update={"bias": True}))
    )  # one more parameter, the bias of the only logit
    assert params(odd) == params(tiny) + 1
    assert params(odd) % 2 == 1
    assert weight_bytes(odd, "int4") == (params(odd) + 1) // 2
    assert weight_bytes(tiny, "int4") == params(tiny) // 2
    assert weight_bytes(odd, "int8") == params(odd)


@given(EVERY_SPEC, st.integers(1, 5000), st.integers(1, 9))
@settings(deadline=None)
def test_formats_are_in_proportion(spec: Spec, n: int, batch_size: int) -> None:
    """What grows with the sequence is; the state that does not is in 32 bits or in the format of the model."""

    def growing(dtype: str) -> int:
        return kv_cache_bytes(spec, n, batch_size, dtype) - batch_size * constant_bytes(spec, dtype)

    for dtype, size in BYTES.items():
        assert growing(dtype) == 2 * size * growing("int4")
    assert kv_cache_bytes(spec, n, batch_size) == batch_size * kv_cache_bytes(spec, n)


@given(EVERY_SPEC, DTYPES, DTYPES, st.integers(0, 400 * 10**9), st.integers(1, 4))
@settings(deadline=None, max_examples=300)
def test_the_longest_context_fits_and_one_token_more_does_not(
    spec: Spec, weights: str, cache: str, budget: int, batch_size: int
) -> None:
    longest = longest_context(spec, budget, weights=weights, cache=cache, batch_size=batch_size)

    def needed(n: int) -> int:
        return weight_bytes(spec, weights) + kv_cache_bytes(spec, n, batch_size, cache)

    if longest is None:
        assert needed(10**9) <= budget
    else:
        assert needed(longest + 1) > budget
        assert longest == 0 or needed(longest) <= budget


@pytest.mark.parametrize("n", [1, 2, 4095, 4096, 12345])
def test_the_longest_context_is_tight_to_the_byte(n: int) -> None:
    spec = load_spec("llama2-70b")
    enough = weight_bytes(spec) + kv_cache_bytes(spec, n)
    assert longest_context(spec, enough) == n
    assert longest_context(spec, enough - 1) == n - 1


def test_no_shorter_sequence_overflows_where_a_cache_shrinks() -> None:
    spec = load_spec("gpt3-small-fixed")
    blocks = replace(spec.choices, pattern=spec.choices.pattern.model_copy(update={"block": 100, "summary": 8}))
    spec = replace(spec, choices=blocks, blocks={"layer": blocks}, layers=("layer",))
    for keys in (50, 99, 100, 107, 108):
        room = weight_bytes(spec) + keys * kv_cache_bytes_per_token(spec)
        longest = longest_context(spec, room)
        assert longest is not None
        sizes = [weight_bytes(spec) + kv_cache_bytes(spec, n) for n in range(1, longest + 2)]
        assert max(sizes[:-1]) <= room < sizes[-1]


def test_no_context_fits_where_the_weights_do_not() -> None:
    spec = load_spec("llama-7b")
    assert longest_context(spec, weight_bytes(spec) - 1) == 0
    assert longest_context(spec, weight_bytes(spec)) == 0
    assert longest_context(spec, 0) == 0


def test_a_context_has_no_end_only_where_every_layer_is_a_band() -> None:
    banded, alternating = load_spec("gpt3-small-banded"), load_spec("gpt3-small")
    full = weight_bytes(banded) + kv_cache_bytes(banded, 256)
    assert longest_context(banded, full) is None
    assert longest_context(banded, full - 1) == 255
    assert isinstance(longest_context(alternating, 10**15), int)


def test_the_notes_are_right_that_chatglm2_caches_a_sixteenth() -> None:
    """Two key-value heads of 128 channels where ChatGLM-6B has 32, in as many layers."""
    first, second = load_spec("chatglm-6b"), load_spec("chatglm2-6b")
    assert kv_cache_bytes_per_token(first) == 458752
    assert kv_cache_bytes_per_token(second) == 28672
    for n in (1, 2048):
        assert kv_cache_bytes(first, n) == 16 * kv_cache_bytes(second, n)


@pytest.mark.parametrize(
    ("seq_len", "batch_size", "dtype", "message"),
    [(0, 1, "fp16", "seq_len"), (8, 0, "fp16", "batch_size"), (8, 1, "fp15", "did you mean 'fp16'")],
)
def test_arguments_that_mean_nothing_are_refused(seq_len: int, batch_size: int, dtype: str, message: str) -> None:
    with pytest.raises(HarnessError, match=message):
        kv_cache_bytes(load_spec("llama-7b"), seq_len, batch_size, dtype)
