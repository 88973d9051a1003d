"""Runs of layers, axes that a mixer does not use, the old word for mixers, and layers that are named one by one."""

from __future__ import annotations

import pytest

from harness.errors import SpecError
from harness.spec import load_spec
from harness.spec.emit import document_of, runs
from tests.spec.writing import ROOT_SPEC, Write, mistakes, spoilt

BLOCKS = "blocks: {wide: {mlp: {intermediate_size: 256}}, narrow: {}}\n"
NO_MIXER = "  mixer:     none\n"
MIXER = "  mixer:     {kind: softmax, num_heads: 4, num_kv_heads: 2, bias: false}\n"
POSITION, PATTERN = "  position:  {kind: rope, theta: 10000}\n", "  pattern:   dense\n"


def test_a_run_is_as_many_layers_as_it_says(write: Write) -> None:
    in_runs = load_spec(write(root=ROOT_SPEC + BLOCKS + "layers: [wide, {narrow: 3}]\n"))
    one_by_one = load_spec(write(root=ROOT_SPEC + BLOCKS + "layers: [wide, narrow, narrow, narrow]\n"))
    assert in_runs.layers == ("wide", "narrow", "narrow", "narrow")
    assert in_runs.hash == one_by_one.hash
    assert document_of(in_runs)["layers"] == ["wide", {"narrow": 3}]
    assert runs(("a", "a", "b", "a")) == ["a", "a", "b", "a"]


@pytest.mark.parametrize(
    ("layers", "message"),
    [
        ("[wide, {narow: 3}]", "15:17: unknown block 'narow'; allowed: wide, narrow; did you mean 'narrow'?"),
        ("[wide, {narrow: 4}]", "15:9: found 5 entries for num_layers 4; expected no more than that"),
        ("[wide, {narrow: 0}]", "15:16: layers.1: found {'narrow': 0} (a mapping), expected text or a number above 0"),
    ],
)
def test_a_wrong_run_is_explained(write: Write, layers: str, message: str) -> None:
    assert f"root.yaml:{message}" in mistakes(write(root=ROOT_SPEC + BLOCKS + f"layers: {layers}\n"))


def test_blocks_may_differ_in_where_their_norms_stand(write: Write) -> None:
    """Whichever of the two the model states; where all blocks have the same, the model might as well state that."""
    blocks = "blocks: {a: {residual: reordered}, b: {}}\nlayers: [a, b]\n"
    swapped = "blocks: {a: {}, b: {residual: pre}}\nlayers: [a, b]\n"
    other = spoilt("residual:  pre", "residual:  reordered")
    spec = load_spec(write(root=ROOT_SPEC + blocks))
    assert [spec.layer(index).residual.kind for index in range(3)] == ["reordered", "pre", "reordered"]
    assert spec.hash == load_spec(write(root=other + swapped)).hash
    assert spec.hash != load_spec(write(root=ROOT_SPEC)).hash
    alike = "blocks: {a: {residual: reordered}}\nlayers: [a]\n"
    assert load_spec(write(root=ROOT_SPEC + alike)).hash == load_spec(write(root=other)).hash


def test_layers_named_one_by_one_are_thinned_and_a_round_is_kept(write: Write) -> None:
    listed = load_spec(
        write(root=ROOT_SPEC.replace("num_layers: 4", "num_layers: 12") + BLOCKS + "layers: [wide, {narrow: 11}]\n")
    )
    assert listed.scaled().layers == ("wide", "narrow")
    assert listed.scaled(num_layers=4).layers == ("wide", "narrow", "narrow", "narrow")
    assert listed.scaled(num_layers=12).layers == listed.layers
    rounds = load_spec(write(root=ROOT_SPEC + BLOCKS + "layers: [narrow, wide]\n"))
    assert rounds.scaled(num_layers=8).block_counts == {"narrow": 4, "wide": 4}


def test_an_axis_that_no_mixer_uses_is_not_stated(write: Write) -> None:
    bare = ROOT_SPEC.replace(MIXER, NO_MIXER)
    assert mistakes(write(root=bare)) == [
        "root.yaml:8:3: position: found {'kind': 'rope', 'theta': 10000} (a mapping), "
        "but no mixer here uses it; leave it out",
        "root.yaml:10:3: pattern: found 'dense' (text), but no mixer here uses it; leave it out",
    ]
    spec = load_spec(write(root=bare.replace(POSITION, "").replace(PATTERN, "")))
    assert {"position", "pattern"} & set(spec.architecture["choices"]) == set()
    assert {"position", "pattern"} & set(document_of(spec)["choices"]) == set()


def test_an_axis_that_a_mixer_uses_is_stated(write: Write) -> None:
    assert "missing axis 'pattern'" in mistakes(write(root=spoilt(PATTERN, "")))[0]
    some = spoilt(PATTERN, "") + "blocks: {idle: {mixer: none}, whole: {pattern: dense}}\nlayers: [idle, whole]\n"
    assert load_spec(write(root=some)).block_counts == {"idle": 2, "whole": 2}


def test_what_is_inherited_may_be_idle(write: Write) -> None:
    child = write(root=ROOT_SPEC, child="name: child\nextends: root\nchoices: {mixer: none}\n").with_name("child.yaml")
    alone = ROOT_SPEC.replace(MIXER, NO_MIXER).replace(POSITION, "").replace(PATTERN, "")
    assert load_spec(child).hash == load_spec(write(root=alone)).hash


def test_a_block_states_no_axis_that_its_mixer_does_not_use(write: Write) -> None:
    blocks = "blocks: {idle: {mixer: none, pattern: dense}, whole: {}}\nlayers: [idle, whole]\n"
    (message,) = mistakes(write(root=ROOT_SPEC + blocks))
    assert message == "root.yaml:14:30: pattern: found 'dense' (text), but no mixer here uses it; leave it out"


def test_the_old_word_for_the_mixer_is_read(write: Write) -> None:
    old = ROOT_SPEC.replace("  mixer:     ", "  attention: ")
    assert load_spec(write(root=old)).architecture == load_spec(write(root=ROOT_SPEC)).architecture
    blocks = "blocks: {a: {attention: {num_kv_heads: 1}}, b: {}}\nlayers: [a, b]\n"
    assert (
        load_spec(write(root=old + blocks)).hash
        == load_spec(write(root=ROOT_SPEC + blocks.replace("attention", "mixer"))).hash
    )
    with pytest.raises(SpecError, match="attention is the old word for mixer; use one"):
        load_spec(write(root=ROOT_SPEC.replace(MIXER, MIXER + MIXER.replace("mixer:    ", "attention:"))))
