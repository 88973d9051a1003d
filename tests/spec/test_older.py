"""Words of older versions mean what they meant, and many ways to write an architecture down are one."""

from __future__ import annotations

import pytest

from harness.choices.mixers import sharing
from harness.errors import SpecError
from harness.spec import Spec, load_spec
from harness.spec.diff import called, difference, flattened
from tests.spec.writing import ROOT_SPEC, Write, spoilt

ATTENTION = "{kind: softmax, num_heads: 4, num_kv_heads: 2, bias: false}"


def with_attention(write: Write, attention: str, more: str = "") -> Spec:
    return load_spec(write(root=spoilt(ATTENTION, attention) + more))


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("kind: multi_head, num_heads: 4", "kind: softmax, num_heads: 4"),
        ("kind: multi_head, num_heads: 4, fused: true", "kind: softmax, num_heads: 4, num_kv_heads: 4"),
        ("kind: multi_query, num_heads: 4, fused: false", "kind: softmax, num_heads: 4, num_kv_heads: 1"),
        ("kind: grouped_query, num_heads: 4, num_kv_heads: 2", "kind: softmax, num_heads: 4, num_kv_heads: 2"),
        ("kind: softmax, num_heads: 4, head_dim: 16", "kind: softmax, num_heads: 4"),
        ("kind: softmax, num_heads: 4, scale: 0.25", "kind: softmax, num_heads: 4"),
    ],
)
def test_what_means_the_same_is_the_same(write: Write, old: str, new: str) -> None:
    before, after = (with_attention(write, f"{{{options}, bias: false}}") for options in (old, new))
    assert before.dims.hidden_size == 64
    assert before.hash == after.hash
    assert before.architecture == after.architecture
    assert difference(before, after) == {}


@pytest.mark.parametrize(
    ("options", "heads"),
    [
        ("{kind: multi_head, bias: false}", 4),
        ("{kind: multi_query, bias: false}", 1),
        ("{kind: grouped_query, bias: false}", 2),
        ("{kind: grouped_query, num_kv_heads: 1}", 1),
        ("{fused: true}", 2),
        ("{num_kv_heads: null}", 4),
    ],
)
def test_a_patch_in_old_words_changes_what_it_says(write: Write, options: str, heads: int) -> None:
    child = load_spec(
        write(root=ROOT_SPEC, child=f"name: child\nextends: root\nchoices: {{mixer: {options}}}\n").with_name(
            "child.yaml"
        )
    )
    assert (child.choices.mixer.num_heads, child.choices.mixer.kv_heads) == (4, heads)
    blocks = with_attention(write, ATTENTION, f"blocks: {{x: {{mixer: {options}}}}}\nlayers: [x]\n")
    assert blocks.hash == child.hash


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ("kind: multi_query, num_heads: 4, num_kv_heads: 2", "mixer.num_kv_heads: multi_query has as many as its"),
        ("kind: multi_head, num_heads: 4, num_kv_heads: 4", "mixer.num_kv_heads: multi_head has as many as its"),
        ("kind: grouped_query, num_heads: 4", "mixer.num_kv_heads is missing, which grouped_query needs"),
        ("kind: softmax, num_heads: 4, fused: 3", "unknown key 'mixer.fused'"),
    ],
)
def test_what_meant_nothing_means_nothing(write: Write, options: str, message: str) -> None:
    with pytest.raises(SpecError, match=message):
        with_attention(write, f"{{{options}, bias: false}}")


def test_a_number_that_a_rule_gives_is_the_rule(write: Write) -> None:
    rules = "  embedding: {kind: table, scale: sqrt(D)}\n  residual:  {kind: deepnorm, alpha: (2L)^(1/2)}\n"
    numbers = f"  embedding: {{kind: table, scale: 8}}\n  residual:  {{kind: deepnorm, alpha: {8**0.5!r}}}\n"
    one, other = (load_spec(write(root=spoilt("  residual:  pre\n", text))) for text in (rules, numbers))
    assert one.hash == other.hash
    assert difference(one, other) == {}


def test_names_follow_from_the_numbers_of_heads() -> None:
    names = {(32, 32): "MHA", (32, 8): "GQA", (32, 1): "MQA", (1, 1): "MHA", (0, 0): "-"}
    assert {heads: sharing(*heads) for heads in names} == names
    flat = flattened(load_spec("llama2-70b").architecture)
    assert {key: called(key, flat) for key in flat if called(key, flat)} == {"mixer.num_kv_heads": " (GQA)"}
