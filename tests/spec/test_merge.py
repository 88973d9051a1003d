"""What a spec takes over from its parent, and a block from its model."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from harness.spec import Spec, load_spec
from harness.spec.diff import difference
from harness.spec.emit import document_of, spec_text
from harness.spec.merge import INHERITED, merged, patched
from harness.spec.tree import Tree, parse_tree
from tests.spec.writing import BESIDE, ROOT_SPEC, Write, mistakes, spoilt


def child(text: str) -> str:
    return f"name: child\nextends: root\n{text}"


@pytest.mark.parametrize(
    ("patch", "expected"),
    [
        ("norm: {eps: 1e-5}", {"kind": "rmsnorm", "eps": 1e-5}),
        ("norm: {kind: rmsnorm, eps: 1e-5}", {"kind": "rmsnorm", "eps": 1e-5}),
        ("norm: {kind: rmsnorm}", {"kind": "rmsnorm", "eps": 1e-6}),
        ("norm: rmsnorm", {"kind": "rmsnorm", "eps": 1e-6}),
        ("norm: {}", {"kind": "rmsnorm", "eps": 1e-6}),
        ("norm: {kind: layernorm, eps: 1e-3}", {"kind": "layernorm", "eps": 1e-3, "gain": True, "bias": True}),
        ("residual: post", {"kind": "post"}),
        ("residual: {kind: post}", {"kind": "post"}),
        ("pattern: {kind: banded, window: 3}", {"kind": "banded", "window": 3}),
        ("position: none", {"kind": "none"}),
    ],
)
def test_a_choice_is_patched_or_replaced(write: Write, patch: str, expected: dict[str, Any]) -> None:
    choices = load_spec(write(child=child(f"choices: {{{patch}}}\n"), root=ROOT_SPEC)).architecture["choices"]
    assert choices.pop(patch.partition(":")[0]) == expected
    others = load_spec(write(root=ROOT_SPEC)).architecture["choices"]
    assert {axis: others[axis] for axis in choices} == choices


def test_another_kind_takes_no_options_over(write: Write) -> None:
    path = write(child=child("choices: {mlp: {kind: gelu, bias: true}}\n"), root=ROOT_SPEC)
    assert mistakes(path) == [
        "child.yaml:3:16: missing key 'mlp.approximate'",
        "child.yaml:3:16: missing key 'mlp.intermediate_size'",
    ]


def test_patches_add_up_over_generations(write: Write) -> None:
    parent = spoilt("pattern:   dense", "pattern:   {kind: banded, window: 7}")
    grandchild = "name: grandchild\nextends: child\nchoices: {pattern: {window: 9}}\n"
    path = write(grandchild=grandchild, child=child("choices: {pattern: banded}\n"), root=parent)
    assert load_spec(path).choices.pattern.options() == {"kind": "banded", "window": 9}


def test_the_mixers_of_a_mixer_are_patched_or_replaced_too(write: Write) -> None:
    parent = spoilt("{kind: softmax, num_heads: 4, num_kv_heads: 2, bias: false}\n", BESIDE)
    changes = "attention: {num_kv_heads: 2, growth: {rate: 0.2}}, recurrence: {kind: mamba2, taps: 2}"
    patched_both = load_spec(write(child=child(f"choices: {{mixer: {{{changes}}}}}\n"), root=parent))
    assert difference(load_spec(write(root=parent)), patched_both) == {
        "mixer.attention.num_kv_heads": (4, 2),
        "mixer.attention.growth": ({"rate": 0.1, "length": 8}, {"rate": 0.2, "length": 8}),
        "mixer.recurrence.taps": (4, 2),
    }
    path = write(child=child("choices: {mixer: {recurrence: {kind: mamba, inner_size: 9}}}\n"), root=parent)
    assert mistakes(path) == [
        "child.yaml:3:31: missing key 'mixer.recurrence.rank'",
        "child.yaml:3:31: missing key 'mixer.recurrence.state_size'",
    ]


def test_a_block_patches_the_mixers_of_a_mixer_and_is_written_so(write: Write) -> None:
    parent = spoilt("{kind: softmax, num_heads: 4, num_kv_heads: 2, bias: false}\n", BESIDE)
    blocks = "blocks: {a: {mixer: {attention: {num_kv_heads: 1}, recurrence_in_scale: 1.0}}, b: {}}\nlayers: [a, b]\n"
    spec = load_spec(write(root=parent + blocks))
    assert [spec.blocks[name].mixer.heads(spec.dims)["key_value"] for name in "ab"] == [1, 4]
    written = document_of(spec)
    assert "qk_norm" not in written["choices"]["mixer"]["attention"]
    assert load_spec(write(again=spec_text(written))).hash == spec.hash


def test_dims_and_sources_are_merged(write: Write) -> None:
    text = 'dims: {num_layers: 2}\nsources:\n  other: {title: Other, url: "http://example.com"}\n'
    spec = load_spec(write(child=child(text), root=ROOT_SPEC))
    assert (spec.dims.num_layers, spec.dims.hidden_size) == (2, 64)
    assert list(spec.sources) == ["made", "other"]


def test_what_speaks_of_one_model_is_not_taken_over(write: Write) -> None:
    own = (
        "title: Root\nprovenance: released\nabout: it\nreleased: once\ntraining: [a]\nfamily: Roots\n"
        "claims: [{metric: params, value: 1, source: made, at: here}]\n"
        "weights: {file: a.gguf}\n"
    )
    spec = load_spec(write(child=child(""), root=ROOT_SPEC + own))
    assert (spec.name, spec.title, spec.provenance, spec.about) == ("child", "child", "variant", "")
    assert (spec.released, spec.training, spec.claims, spec.weights) == ("", (), (), None)
    assert spec.family == "Roots"


BLOCKS = "blocks:\n  a: {}\n  b: {pattern: {kind: banded, window: 7}}\nlayers: [a, b]\n"


def windows(spec: Spec) -> list[object]:
    return [spec.layer(index).pattern.options().get("window") for index in range(spec.dims.num_layers)]


def test_blocks_alternate_over_the_depth(write: Write) -> None:
    assert windows(load_spec(write(root=ROOT_SPEC + BLOCKS))) == [None, 7, None, 7]


def test_blocks_are_patched_by_name(write: Write) -> None:
    text = child("blocks: {b: {pattern: {window: 9}, norm: {eps: 1e-3}}, c: {pattern: {kind: banded, window: 2}}}\n")
    spec = load_spec(write(child=text + "layers: [a, c, b]\n", root=ROOT_SPEC + BLOCKS))
    assert windows(spec) == [None, 2, 9, None]
    assert [spec.blocks[name].norm.eps for name in "abc"] == [1e-6, 1e-3, 1e-6]


def test_a_block_patches_what_the_model_chooses(write: Write) -> None:
    text = "blocks: {shared: {mixer: {num_kv_heads: 1}}, own: {}}\nlayers: [shared, own]\n"
    spec = load_spec(write(root=ROOT_SPEC + text))
    assert [spec.layer(index).mixer.kv_heads for index in range(3)] == [1, 2, 1]
    assert spec.blocks["shared"].mixer.num_heads == 4


def test_a_block_follows_a_child_that_changes_the_model(write: Write) -> None:
    parent = ROOT_SPEC + "blocks: {shared: {mixer: {num_kv_heads: 1}}}\nlayers: [shared]\n"
    spec = load_spec(write(child=child("choices: {mixer: {num_heads: 8}}\n"), root=parent))
    assert (spec.blocks["shared"].mixer.num_heads, spec.blocks["shared"].mixer.kv_heads) == (8, 1)
    assert spec.choices.mixer.kv_heads == 2


def tree(data: dict[str, Any], file: str) -> Tree:
    return parse_tree(json.dumps(data), file)


OPTIONS = st.dictionaries(st.sampled_from("abc"), st.integers(0, 9), max_size=3)
KINDS: st.SearchStrategy[dict[str, Any]] = st.sampled_from([{}, {"kind": "x"}, {"kind": "y"}])
CHOICE = st.builds(lambda kind, options: {**kind, **options}, KINDS, OPTIONS)


@settings(deadline=None)
@given(CHOICE, CHOICE)
def test_patches_keep_kinds_apart(below: dict[str, Any], above: dict[str, Any]) -> None:
    once = patched("norm", tree(below, "below"), tree(above, "above"))
    replaced = "kind" in above and above["kind"] != below.get("kind")
    assert once.plain() == (above if replaced else {**below, **above})
    assert patched("norm", once, tree(above, "above")).plain() == once.plain()
    assert {key: part.mark.file for key, part in once.value.items()} == {
        key: "above" if key in above else "below" for key in once.value
    }


FILES: st.SearchStrategy[dict[str, Any]] = st.fixed_dictionaries(
    {},
    optional={
        "title": st.integers(0, 9),
        "family": st.integers(0, 9),
        "claims": st.integers(0, 9),
        "layers": st.integers(0, 9),
        "dims": OPTIONS,
        "sources": OPTIONS,
        "choices": st.dictionaries(st.sampled_from("pq"), CHOICE),
    },
)


@settings(deadline=None)
@given(FILES, FILES)
def test_a_child_keeps_what_it_says_and_inherits_the_rest(parent: dict[str, Any], own: dict[str, Any]) -> None:
    both = merged(tree(parent, "parent"), tree(own, "own")).plain()
    inherited = {key: value for key, value in parent.items() if key in INHERITED}
    assert set(both) == set(own) | set(inherited)
    for key in both:
        if key in ("dims", "sources"):
            assert both[key] == {**parent.get(key, {}), **own.get(key, {})}
        elif key == "choices":
            assert set(both[key]) == set(parent.get(key, {})) | set(own.get(key, {}))
        else:
            assert both[key] == own.get(key, inherited.get(key))
