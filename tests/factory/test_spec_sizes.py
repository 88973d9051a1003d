"""Scaled-down specs, and the hash that says which architectures are the same."""

from __future__ import annotations

from dataclasses import replace
from itertools import combinations

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from harness.choices.axes import AXES, Choices
from harness.choices.base import Dims, Source
from harness.factory import build
from harness.metrics.params import params
from harness.spec import Spec, load_spec, spec_names
from tests.contract.examples import BASE, EXAMPLES, TINY, problems, spec_of, spec_with

EVERY_SPEC = st.sampled_from(spec_names()).map(load_spec)
PLAIN = spec_with("head", BASE.head)


@pytest.mark.parametrize("hidden_size", [0, -4, 2, 6, 63])
def test_a_width_that_heads_cannot_share_is_refused(hidden_size: int) -> None:
    with pytest.raises(ValueError, match=f"hidden_size must be a positive multiple of 4, not {hidden_size}"):
        PLAIN.scaled(hidden_size=hidden_size)


@pytest.mark.parametrize("size", ["num_layers", "vocab_size", "max_seq_len"])
def test_a_negative_size_is_refused(size: str) -> None:
    with pytest.raises(ValueError, match=size):
        PLAIN.scaled(**{size: -1})


def test_sizes_left_out_are_small() -> None:
    assert load_spec("llama-7b").scaled().dims == Dims(num_layers=2, hidden_size=64, vocab_size=256, max_seq_len=64)


def test_sizes_given_are_taken() -> None:
    dims = Dims(num_layers=5, hidden_size=128, vocab_size=33, max_seq_len=7)
    assert load_spec("gpt3-small").scaled(**dims.model_dump()).dims == dims


@given(EVERY_SPEC, st.integers(1, 64), st.integers(1, 9), st.integers(1, 300))
@settings(deadline=None)
def test_a_scaled_spec_has_no_problems_and_can_be_counted(
    spec: Spec, quarter_width: int, num_layers: int, max_seq_len: int
) -> None:
    assume(max_seq_len > spec.choices.mtp.depth)  # what predicts so many further tokens needs a text that has them
    scaled = spec.scaled(hidden_size=4 * quarter_width, num_layers=num_layers, max_seq_len=max_seq_len)
    assert problems(scaled) == []
    assert sum(parameter.numel() for parameter in build(scaled, device="meta").parameters()) == params(scaled)
    assert scaled.claims == ()


def renamed(spec: Spec, names: dict[str, str]) -> Spec:
    return replace(
        spec,
        blocks={names[name]: block for name, block in spec.blocks.items()},
        layers=tuple(names[name] for name in spec.layers),
    )


def test_a_hash_does_not_hang_on_names_or_sources() -> None:
    spec = load_spec("gpt3-small")
    other = replace(
        spec,
        name="other",
        title="Other",
        family="other",
        provenance="variant",
        about="else",
        released="never",
        sources={"x": Source("X", "https://example.org")},
        training=(),
        claims=(),
    )
    assert other.hash == spec.hash
    assert renamed(spec, {"dense": "a", "banded": "b"}).hash == spec.hash


@given(EVERY_SPEC, st.integers(1, 4))
@settings(deadline=None)
def test_a_hash_does_not_hang_on_how_layers_are_written(spec: Spec, rounds: int) -> None:
    assert replace(spec, layers=spec.layers * rounds).hash == spec.hash
    whole = tuple(spec.layers[index % len(spec.layers)] for index in range(spec.dims.num_layers))
    assert replace(spec, layers=whole).hash == spec.hash
    assert replace(spec, blocks=dict(reversed(spec.blocks.items()))).hash == spec.hash


def test_a_hash_does_not_hang_on_blocks_that_are_the_same() -> None:
    twice = replace(PLAIN, blocks={"a": BASE, "b": BASE}, layers=("a", "b"))
    assert twice.hash == PLAIN.hash


def test_a_hash_does_not_hang_on_a_choice_that_every_block_makes_for_itself() -> None:
    unused = replace(BASE, mlp=AXES["mlp"]["relu"](intermediate_size=7, bias=True))
    assert replace(PLAIN, choices=unused).hash == PLAIN.hash


def test_every_example_has_a_hash_of_its_own() -> None:
    by_architecture = {str(spec_of(example).architecture): spec_of(example).hash for example in EXAMPLES}
    assert len(set(by_architecture.values())) == len(by_architecture)
    assert len(by_architecture) > len(EXAMPLES) // 2


@given(st.sampled_from(sorted(Dims.model_fields)), st.integers(1, 100))
@settings(deadline=None)
def test_every_size_enters_the_hash(size: str, value: int) -> None:
    other = replace(PLAIN, dims=TINY.model_copy(update={size: value}))
    assert (other.hash == PLAIN.hash) == (other.dims == TINY)


def test_the_order_of_blocks_enters_the_hash() -> None:
    banded: Choices = replace(BASE, pattern=AXES["pattern"]["banded"](window=3))
    blocks = {"dense": BASE, "banded": banded}
    orders = [("dense", "banded"), ("banded", "dense"), ("dense",), ("banded",), ("dense", "dense", "banded")]
    hashes = [replace(PLAIN, blocks=blocks, layers=order).hash for order in orders]
    assert all(first != second for first, second in combinations(hashes, 2))


def test_a_hash_is_16_hexadecimal_digits(specs: dict[str, Spec]) -> None:
    assert all(len(spec.hash) == 16 and int(spec.hash, 16) >= 0 for spec in specs.values())
