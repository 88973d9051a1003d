"""The JSON Schema that editors read says of a file what loading it says, as far as a schema can."""

from __future__ import annotations

import json
from typing import Any

import pytest
from jsonschema import Draft202012Validator

from harness.choices.axes import AXES
from harness.spec.json_schema import spec_schema
from harness.spec.library import library_folder
from harness.spec.tree import parse_tree, read_tree
from tests.spec.writing import ROOT_SPEC, spoilt

FILES = sorted(library_folder().rglob("*.yaml"))


@pytest.fixture(scope="module")
def validator() -> Draft202012Validator:
    schema = spec_schema()
    Draft202012Validator.check_schema(schema)
    return Draft202012Validator(schema)


def test_the_schema_beside_the_specs_is_current() -> None:
    text = (library_folder() / "schema.json").read_text(encoding="utf-8")
    assert text == json.dumps(spec_schema(), indent=2, ensure_ascii=False) + "\n", (
        "run: harness schema > specs/schema.json"
    )


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_a_spec_of_the_library_is_valid_and_names_the_schema(path: Any, validator: Draft202012Validator) -> None:
    validator.validate(read_tree(path).plain())
    first = path.read_text(encoding="utf-8").splitlines()[0]
    assert first == "# yaml-language-server: $schema=../schema.json"


def test_the_root_spec_is_valid(validator: Draft202012Validator) -> None:
    validator.validate(parse_tree(ROOT_SPEC, "root.yaml").plain())


@pytest.mark.parametrize(
    ("old", "new", "place"),
    [
        ("name: root\n", "", []),
        ("name: root", "name: ../root", ["name"]),
        ("sources:", "source:", []),
        ("num_layers: 4", "num_layers: four", ["dims", "num_layers"]),
        ("num_layers: 4", "num_layers: 0", ["dims", "num_layers"]),
        ("num_layers", "num_layer", ["dims"]),
        ("rmsnorm", "rmsnrom", ["choices", "norm"]),
        ("theta", "thetta", ["choices", "position"]),
        ("dense", "dens", ["choices", "pattern"]),
        ("  norm: ", "  nrom: ", ["choices"]),
        ("num_kv_heads: 2", "num_kv_heads: two", ["choices", "mixer"]),
        ("https://", "ftp://", ["sources", "made", "url"]),
        ("causal_lm\n", "causal_lm\nblocks: {a: {head: tied}}\n", ["blocks", "a"]),
        ("causal_lm\n", "causal_lm\nlayers: a\n", ["layers"]),
        ("causal_lm\n", "causal_lm\nprovenance: relesed\n", ["provenance"]),
        ("causal_lm\n", "causal_lm\nclaims: [{metric: params, value: 1, source: a}]\n", ["claims", 0]),
    ],
)
def test_a_broken_spec_is_invalid_at_its_place(
    validator: Draft202012Validator, old: str, new: str, place: list[str | int]
) -> None:
    errors = list(validator.iter_errors(parse_tree(spoilt(old, new), "root.yaml").plain()))
    assert [list(error.absolute_path) for error in errors] == [place]


def test_every_kind_of_every_axis_is_offered() -> None:
    axes = spec_schema()["properties"]["choices"]["properties"]
    assert {axis: choice["anyOf"][0]["enum"] for axis, choice in axes.items()} == {
        axis: kinds.names() for axis, kinds in AXES.items()
    }
