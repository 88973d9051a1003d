"""What every kind and every example states about itself."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from harness.choices.axes import AXES
from harness.choices.base import Dims, Scaling
from harness.counters import parameter_count
from harness.factory import build
from harness.metrics.flops import flops
from harness.metrics.params import params, params_breakdown
from harness.modules import implementation_of
from harness.spec import load_spec
from tests.contract.examples import (
    BASE,
    EXAMPLES,
    KINDS,
    TINY,
    Example,
    examples,
    layer_with,
    lively,
    problems,
    spec_of,
    tokens_for,
)

NOT_COMPUTED = {"objective"}
"""Axes that change nothing in one pass over the model."""
COMPUTED = [example for example in EXAMPLES if example.axis not in NOT_COMPUTED]


@pytest.mark.parametrize(("axis", "kind"), KINDS)
def test_a_kind_cites_its_source(axis: str, kind: str) -> None:
    choice = AXES[axis][kind]
    assert choice.source.title.strip()
    assert choice.source.url.startswith("https://")
    assert choice.kind == kind


@pytest.mark.parametrize(("axis", "kind"), KINDS)
def test_a_kind_says_what_it_is(axis: str, kind: str) -> None:
    assert (AXES[axis][kind].__dict__.get("__doc__") or "").strip()


@pytest.mark.parametrize(("axis", "kind"), KINDS)
def test_every_value_of_an_option_has_an_example(axis: str, kind: str) -> None:
    shown = [example.choice.options() for example in examples(axis, kind)]
    assert shown
    for name, field in AXES[axis][kind].model_fields.items():
        assert len({str(options.get(name)) for options in shown}) >= 2, field


@pytest.mark.parametrize("example", COMPUTED, ids=str)
def test_a_choice_has_an_implementation(example: Example) -> None:
    """A pattern without one is computed under its mask."""
    implementation = implementation_of(example.choice)
    assert callable(implementation) or example.axis == "pattern"
    assert implementation is None or implementation.__module__.startswith(f"harness.modules.{example.axis}")


@pytest.mark.parametrize("axis", sorted(NOT_COMPUTED))
def test_what_is_not_computed_costs_nothing(axis: str) -> None:
    for kind in AXES[axis].names():
        for example in examples(axis, kind):
            spec, base = spec_of(example), spec_of(Example(axis, getattr(BASE, axis)))
            assert params(spec) == params(base)
            assert flops(spec, "prefill", 7) == flops(base, "prefill", 7)


@pytest.mark.parametrize("hidden_size", [16, 36, 256])
@pytest.mark.parametrize("example", EXAMPLES, ids=str)
def test_scaling_keeps_the_kind_and_leaves_no_problem(example: Example, hidden_size: int) -> None:
    scaled = spec_of(example).scaled(hidden_size=hidden_size, max_seq_len=11)
    assert getattr(scaled.choices, example.axis).kind == example.choice.kind
    assert problems(scaled) == []


@pytest.mark.parametrize("example", EXAMPLES, ids=str)
def test_the_smallest_model_can_be_built(example: Example) -> None:
    spec = spec_of(example).scaled(hidden_size=4, max_seq_len=11)
    assert params_breakdown(spec) == parameter_count(build(spec))
    assert lively(spec)(tokens_for(spec, 1, 11)).isfinite().all()


@pytest.mark.parametrize("example", [each for each in EXAMPLES if each.axis != "mixer"], ids=str)
def test_scaling_to_its_own_size_changes_nothing(example: Example) -> None:
    assert example.choice.scaled(Scaling(TINY, TINY)) == example.choice


@pytest.mark.parametrize("example", EXAMPLES, ids=str)
def test_options_come_back_through_a_spec_file(example: Example, tmp_path: Path) -> None:
    layer = layer_with(example.axis, example.choice)
    file = tmp_path / "written.yaml"
    written = {
        "name": "written",
        "dims": TINY.model_dump(),
        "choices": {axis: choice.options() for axis, choice in layer.items() if layer.uses(axis)},
    }
    file.write_text(json.dumps(written))  # JSON is YAML
    read = load_spec(file)
    assert getattr(read.choices, example.axis) == example.choice
    assert read.hash == spec_of(example).hash


@pytest.mark.parametrize("example", EXAMPLES, ids=str)
def test_a_choice_cannot_be_changed_nor_misspelt(example: Example) -> None:
    with pytest.raises(ValueError, match="frozen"):
        example.choice.kind_of_thing = 1  # type: ignore[attr-defined]
    with pytest.raises(ValueError, match="Extra inputs"):
        type(example.choice)(**example.choice.model_dump(), no_such_option=1)


def test_dims_are_positive_whole_numbers() -> None:
    for wrong in (0, -1, 1.5, "3", True):
        with pytest.raises(ValueError, match="num_layers"):
            Dims(num_layers=wrong, hidden_size=8, vocab_size=8, max_seq_len=8)  # type: ignore[arg-type]
