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


@pytest.mark.parametrize(
    ("said", "message"),
    [
        (
            "dims: {hidden_size: 66}\n",
            "3:21: mixer.num_heads: found 4, which does not divide hidden_size 66; expected a divisor such as 3, or "
            "give head_dim; inherited from root.yaml:9",
        ),
        (
            "dims: {vocab_size: 9}\nchoices: {norm: {eps: 0.5}, mixer: {bias: true, num_heads: 1}}\n",
            "4:60: mixer.num_kv_heads: found 2, which does not divide num_heads 1; expected a divisor such as 1; "
            "inherited from root.yaml:9",
        ),
        (
            "choices: {norm: {eps: 0.5}, mixer: {head_dim: 5}}\n",
            "3:47: position.fraction: found 1.0, which rotates 5 of the 5 channels of a head; expected an even whole "
            "number of them; inherited from root.yaml:8",
        ),
        (
            "blocks: {a: {mixer: {head_dim: 5}}}\nlayers: [a]\n",
            "3:32: position.fraction: found 1.0, which rotates 5 of the 5 channels of a head; expected an even whole "
            "number of them in block 'a'; inherited from root.yaml:8",
        ),
    ],
)
def test_what_stops_to_fit_is_blamed_on_the_file_that_changed_it(write: Write, said: str, message: str) -> None:
    child = f"name: child\nextends: root\n{said}"
    assert mistakes(write(child=child, root=ROOT_SPEC)) == [f"child.yaml:{message}"]


LAYERED = f"{ROOT_SPEC}blocks: {{a: {{}}, b: {{norm: layernorm}}}}\nlayers: [a, b]\n".replace(
    "layernorm", "{kind: layernorm, eps: 0.1, bias: true}"
)


@pytest.mark.parametrize(
    ("said", "message"),
    [
        (
            "dims: {num_layers: 1}\n",
            "3:20: found 2 entries for num_layers 1; expected no more than that; inherited from root.yaml:15",
        ),
        ("layers: [a]\n", "3:9: block 'b' is never used; name it in layers; inherited from root.yaml:14"),
    ],
)
def test_layers_that_stop_to_fit_are_blamed_likewise(write: Write, said: str, message: str) -> None:
    child = f"name: child\nextends: root\n{said}"
    assert mistakes(write(child=child, root=LAYERED)) == [f"child.yaml:{message}"]


def test_each_file_of_a_chain_gets_its_own_mistakes(write: Write) -> None:
    files = {
        "child": "name: child\nextends: middle\nchoices: {mlp: {biass: true}, mixer: {head_dim: 5}}\n",
        "middle": "name: middle\nextends: root\nchoices: {mixer: {num_heads: 1}}\n",
        "root": spoilt("eps: 1.0e-6", "eps: 0"),
    }
    assert [message.split(";")[0] for message in mistakes(write(**files))] == [
        "child.yaml:3:17: unknown key 'mlp.biass'",
        "child.yaml:3:49: position.fraction: found 1.0, which rotates 5 of the 5 channels of a head",
        "middle.yaml:3:30: mixer.num_kv_heads: found 2, which does not divide num_heads 1",
        "root.yaml:6:35: norm.eps: found 0 (a whole number), expected a number above 0.0",
    ]


def test_a_file_whose_parent_is_not_known_is_checked_as_far_as_it_goes(write: Write) -> None:
    child = (
        "name: child\nextends: roto\ntitel: x\nchoices: {mixer: {num_kv_heads: 3}, norm: {kind: rmsnorm, epps: 1}, "
        "mlp: {kind: swiglo}}\nblocks: {a: {mxier: none}}\n"
    )
    assert [message.split(";")[0] for message in mistakes(write(child=child, root=ROOT_SPEC))] == [
        "child.yaml:2:10: extends 'roto', which is no spec",
        "child.yaml:3:1: unknown key 'titel'",
        "child.yaml:4:59: unknown key 'norm.epps'",
        "child.yaml:4:81: unknown mlp 'swiglo'",
        "child.yaml:5:14: unknown axis of a block 'mxier'",
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
        ("x" * 5000, ADVICE),
    ],
    ids=lambda value: value[:20],
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
