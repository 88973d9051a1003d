"""How the spec that another extends is found, and how mistakes in the two are told."""

from __future__ import annotations

import pytest

from harness.spec import load_spec
from tests.spec.writing import ROOT_SPEC, Write, mistakes, spoilt


def test_a_mistake_in_a_parent_is_told_in_the_parents_file(write: Write) -> None:
    parent = spoilt("theta", "thetta").replace("name: root", "name: parent")
    child = "name: child\nextends: parent\nchoices: {mixer: {num_head: 3}}\n"
    assert [message.split(";")[0] for message in mistakes(write(child=child, parent=parent))] == [
        "child.yaml:3:19: unknown key 'mixer.num_head'",
        "parent.yaml:8:14: missing key 'position.theta'",
        "parent.yaml:8:27: unknown key 'position.thetta'",
    ]


def test_a_parent_that_is_no_yaml_is_told_in_the_parents_file(write: Write) -> None:
    message = "parent.yaml:2:1: not valid YAML: while parsing a flow node: did not find expected node content"
    assert mistakes(write(child="name: child\nextends: parent\n", parent="a: [")) == [message]


def test_what_stops_to_fit_is_told_where_it_stands(write: Write) -> None:
    child = "name: child\nextends: root\ndims: {hidden_size: 66}\n"
    assert mistakes(write(child=child, root=ROOT_SPEC)) == [
        "root.yaml:9:41: mixer.num_heads: found 4, which does not divide hidden_size 66; "
        "expected a divisor such as 3, or give head_dim"
    ]


def test_a_file_beside_the_child_comes_before_the_library(write: Write) -> None:
    path = write(child="name: child\nextends: llama-7b\n", llama_7b=spoilt("name: root", "name: llama-7b"))
    assert load_spec(path).dims.hidden_size == 64
    (path.parent / "llama-7b.yaml").unlink()
    assert load_spec(path).dims.hidden_size == 4096


def test_a_child_may_have_the_name_of_its_parent_in_the_library(write: Write) -> None:
    path = write(llama_7b="name: llama-7b\nextends: llama-7b\nchoices: {mixer: {num_kv_heads: 1}}\n")
    spec = load_spec(path)
    assert (spec.name, spec.dims.hidden_size, spec.choices.mixer.kv_heads) == ("llama-7b", 4096, 1)
    assert load_spec("llama-7b").choices.mixer.kv_heads == 32


def test_yml_is_looked_for_too(write: Write) -> None:
    path = write(child="name: child\nextends: root\n")
    (path.parent / "root.yml").write_text(ROOT_SPEC)
    assert load_spec(path).dims.hidden_size == 64


@pytest.mark.parametrize(
    ("files", "message"),
    [
        ("a>a", "a.yaml:2:10: extends itself: a -> a"),
        ("a>b b>a", "b.yaml:2:10: extends itself: a -> b -> a"),
        ("a>b b>c c>a", "c.yaml:2:10: extends itself: a -> b -> c -> a"),
        ("a>b b>c c>b", "c.yaml:2:10: extends itself: b -> c -> b"),
    ],
)
def test_a_circle_is_refused(write: Write, files: str, message: str) -> None:
    pairs = [pair.split(">") for pair in files.split()]
    assert mistakes(write(**{name: f"name: {name}\nextends: {parent}\n" for name, parent in pairs})) == [message]


ADVICE = "name a file beside this one, without its .yaml, or a spec that `harness list` shows"


@pytest.mark.parametrize(
    ("parent", "advice"),
    [
        ("llama-7c", "did you mean 'llama-7b'?"),
        ("roto", "did you mean 'root'?"),
        ("../x", ADVICE),
        ("/x", ADVICE),
        (".", ADVICE),
        ("..", ADVICE),
        ('""', ADVICE),
        ("child.yaml", ADVICE),
    ],
)
def test_a_parent_that_is_not_there_is_told(write: Write, parent: str, advice: str) -> None:
    path = write(child=f"name: child\nextends: {parent}\n", root=ROOT_SPEC)
    shown = parent.strip('"')
    assert mistakes(path) == [f"child.yaml:2:10: extends {shown!r}, which is no spec; {advice}"]


def test_no_parent_is_found_outside_the_folder(write: Write) -> None:
    inner = write(root=ROOT_SPEC).parent / "inner"
    inner.mkdir()
    (inner / "child.yaml").write_text("name: child\nextends: ../root\n")
    (message,) = mistakes(inner / "child.yaml")
    assert message.startswith("child.yaml:2:10: extends '../root', which is no spec; ")
