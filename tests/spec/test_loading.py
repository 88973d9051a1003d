"""Specs by name, path and glob, and what tells two of them apart."""

from __future__ import annotations

from pathlib import Path

import pytest

import harness.metrics.params
from harness.errors import HarnessError, SpecError
from harness.spec import Spec, load_spec, spec_names
from harness.spec.diff import difference
from harness.spec.library import find_specs, library_folder
from tests.spec.writing import ROOT_SPEC, Write, spoilt


def test_a_name_a_path_and_its_text_give_the_same_spec() -> None:
    path = library_folder() / "llama" / "llama-7b.yaml"
    assert load_spec("llama-7b") == load_spec(path) == load_spec(str(path))


def test_a_relative_path_is_one_from_here(write: Write, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(write(llama_7b=ROOT_SPEC).parent)
    assert load_spec("llama-7b.yaml").name == "root"
    assert load_spec("llama-7b").name == "llama-7b"


HELP = "`harness list` shows all names; paths end in .yaml, .json or .gguf"


@pytest.mark.parametrize(
    ("name", "advice"),
    [
        ("lama-7b", "did you mean 'llama-7b'?"),
        ("../llama-7b", "did you mean 'llama-7b'?"),
        ("nope", HELP),
        ("../../x", HELP),
        ("", HELP),
        ("*", HELP),
    ],
)
def test_an_unknown_name_is_told_with_the_nearest(name: str, advice: str) -> None:
    with pytest.raises(HarnessError) as caught:
        load_spec(name)
    assert str(caught.value) == f"no spec is called {name!r}; {advice}"


@pytest.mark.parametrize("name", ["llama-7b.yaml", "no/such/folder.yml", ".yaml"])
def test_a_path_that_leads_nowhere_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(SpecError) as caught:
        load_spec(name)
    assert str(caught.value) == f"{name}: cannot be read: No such file or directory"


def test_globs_names_and_paths_are_found_each_once() -> None:
    assert find_specs(["qwen-*", "qwen-7b", "x.yaml", "x.yaml"]) == [
        "qwen-1-8b",
        "qwen-14b",
        "qwen-72b",
        "qwen-7b",
        "x.yaml",
    ]
    assert find_specs([]) == find_specs(["*"]) == spec_names()


@pytest.mark.parametrize(("glob", "advice"), [("lama-7?b", "did you mean 'llama-7b'?"), ("zzz*", HELP)])
def test_a_glob_for_nothing_is_told(glob: str, advice: str) -> None:
    with pytest.raises(HarnessError) as caught:
        find_specs(["llama*", glob])
    assert str(caught.value) == f"no spec is called {glob!r}; {advice}"


def written(write: Write, text: str) -> Spec:
    return load_spec(write(root=text))


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("name: root", "name: other"),
        ("Made for a test", "Another title"),
        ("bias: false}\n  objective", "}\n  objective"),
        ("1.0e-6", "0.000001"),
        ("  pattern:   dense\n", "  pattern:   {kind: dense}\n"),
        ("objective: causal_lm\n", "objective: causal_lm\nblocks: {all: {}}\nlayers: [all]\n"),
        ("objective: causal_lm\n", "objective: causal_lm\nblocks: {x: {}, y: {}}\nlayers: [x, y]\n"),
    ],
)
def test_how_an_architecture_is_written_down_does_not_enter_the_hash(write: Write, old: str, new: str) -> None:
    assert written(write, spoilt(old, new)).hash == written(write, ROOT_SPEC).hash


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("num_layers: 4", "num_layers: 5"),
        ("vocab_size: 100", "vocab_size: 101"),
        ("max_seq_len: 32", "max_seq_len: 33"),
        ("1.0e-6", "1.0e-5"),
        ("theta: 10000", "theta: 10001"),
        ("num_kv_heads: 2", "num_kv_heads: 1"),
        ("pre\n", "post\n"),
        ("causal_lm", "blank_infilling"),
        ("  norm:", "  embedding: {kind: table, norm: true}\n  norm:"),
        ("causal_lm\n", "causal_lm\nblocks: {x: {}, y: {norm: {eps: 1}}}\nlayers: [x, y]\n"),
    ],
)
def test_every_choice_enters_the_hash(write: Write, old: str, new: str) -> None:
    assert written(write, spoilt(old, new)).hash != written(write, ROOT_SPEC).hash


def test_the_order_of_blocks_enters_the_hash(write: Write) -> None:
    blocks = ROOT_SPEC + "blocks: {x: {}, y: {norm: {eps: 1}}}\nlayers: "
    hashes = {written(write, f"{blocks}{order}\n").hash for order in ("[x, y]", "[y, x]", "[x, y, x, y]", "[x, x, y]")}
    assert len(hashes) == 3


def test_a_difference_names_what_changed() -> None:
    assert difference(load_spec("llama-7b"), load_spec("llama-7b-mqa")) == {"mixer.num_kv_heads": (32, 1)}
    assert difference(load_spec("llama-7b"), load_spec("llama-7b")) == {}
    assert difference(load_spec("gpt3-175b"), load_spec("chatgpt")) == {}


def test_a_difference_shows_what_only_one_of_them_has() -> None:
    assert difference(load_spec("gpt3-small-dense"), load_spec("gpt3-small")) == {
        "layers": (None, "dense, banded"),
        "banded: pattern": (None, "banded"),
        "banded: pattern.window": (None, 256),
    }
    changed = difference(load_spec("llama-7b"), load_spec("llama-7b-alibi"))
    assert changed["position"] == ("rope", "alibi")
    assert changed["position.theta"] == (10000, None)


DESIGNED = """\
# specs/llama/llama-7b.yaml
name: llama-7b
sources:
  touvron2023: {title: "LLaMA: Open and Efficient Foundation Language Models", url: "https://arxiv.org/abs/2302.13971"}
dims: {num_layers: 32, hidden_size: 4096, vocab_size: 32000, max_seq_len: 2048}
choices:
  norm:      {kind: rmsnorm, eps: 1.0e-6}
  residual:  pre
  position:  {kind: rope, theta: 10000}
  mixer: {kind: grouped_query, num_heads: 32, num_kv_heads: 32, bias: false}
  pattern:   dense
  mlp:       {kind: swiglu, intermediate_size: 11008, bias: false}
  head:      {kind: untied, bias: false}
  objective: causal_lm
claims:
  - {metric: params, value: 6.7e9, source: touvron2023, at: "Table 2"}
"""
DESIGNED_VARIANT = """\
# specs/llama/llama-7b-mqa.yaml: a variant is what differs
name: llama-7b-mqa
extends: llama-7b
choices: {mixer: {num_kv_heads: 1}}
"""
DESIGNED_BLOCKS = """\
# layers that differ: name the blocks, tile them over the depth
blocks:
  dense:  {}
  banded: {pattern: {kind: banded, window: 256}}
layers: [dense, banded]
"""


def test_the_spec_of_the_design_is_that_of_the_library(write: Write) -> None:
    spec = load_spec(write(llama_7b=DESIGNED))
    assert spec.hash == load_spec("llama-7b").hash
    assert harness.metrics.params.params(spec) == 6738415616
    assert [(claim.metric, claim.value, claim.source, claim.at) for claim in spec.claims] == [
        ("params", 6.7e9, "touvron2023", "Table 2")
    ]


def test_the_variant_of_the_design_is_that_of_the_library(write: Write) -> None:
    assert load_spec(write(llama_7b_mqa=DESIGNED_VARIANT)).hash == load_spec("llama-7b-mqa").hash


def test_the_blocks_of_the_design_alternate(write: Write) -> None:
    spec = load_spec(write(llama_7b_banded=f"name: llama-7b-banded\nextends: llama-7b\n{DESIGNED_BLOCKS}"))
    assert spec.block_counts == {"dense": 16, "banded": 16}
    assert [spec.layer(index).pattern.kind for index in range(4)] == ["dense", "banded"] * 2
    assert spec.layer(1).pattern.visible_pairs(512) == 256 * 512 - 255 * 256 // 2
