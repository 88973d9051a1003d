"""All specs have a small model of the same number of parameters, and of their own choices."""

from __future__ import annotations

from dataclasses import replace

import pytest

from harness.errors import HarnessError
from harness.factory import build
from harness.metrics.icl import LONGEST, TARGET
from harness.metrics.params import params
from harness.spec import Spec, load_spec, spec_names
from harness.spec.library import trained_names
from harness.tasks.synthetic.vocabulary import SIZE
from harness.training.matching import FEWEST_LAYERS, WIDTH, matched, standing_for


def small(spec: Spec, target: int = TARGET) -> Spec:
    return standing_for(spec, target, params, SIZE, LONGEST)


@pytest.mark.parametrize("name", spec_names())
def test_every_spec_is_matched_within_five_per_cent(name: str) -> None:
    spec = load_spec(name)
    found = small(spec)
    assert params(found) == pytest.approx(TARGET * found.dims.num_layers / FEWEST_LAYERS, rel=0.05)
    a_round = len(spec.layers)
    assert found.dims.num_layers >= FEWEST_LAYERS
    assert found.dims.num_layers % a_round == 0 or a_round == spec.dims.num_layers
    assert params(found) == sum(parameter.numel() for parameter in build(found, device="meta").parameters())
    for axis, choice in found.choices.items():
        assert choice.kind == getattr(spec.choices, axis).kind
    assert {name: block.pattern.kind for name, block in found.blocks.items()} == {
        name: block.pattern.kind for name, block in spec.blocks.items()
    }


def test_windows_keep_their_share_of_the_longest_sequence() -> None:
    pattern = small(load_spec("gpt3-small-banded")).choices.pattern
    assert pattern.options() == {"kind": "banded", "window": round(256 * LONGEST / 2048)}


def test_mha_gqa_and_mqa_differ_in_nothing_but_key_value_heads_and_what_makes_up_for_them() -> None:
    found = {name: small(load_spec(f"llama-7b{name}")) for name in ("", "-gqa8", "-mqa")}
    heads = {name: spec.choices.mixer.heads(spec.dims) for name, spec in found.items()}
    assert [each["key_value"] for each in heads.values()] == [4, 2, 1]
    assert all((each["query"], each["channels"]) == (4, 16) for each in heads.values())
    assert len({spec.dims.model_dump_json() for spec in found.values()}) == 1
    assert all(params(spec) == pytest.approx(TARGET, rel=0.003) for spec in found.values())


def test_small_models_are_equally_wide_but_where_experts_leave_no_room() -> None:
    widths = {name: small(load_spec(name)).dims.hidden_size for name in trained_names("full")}
    assert set(widths.values()) == {WIDTH}
    assert small(load_spec("llama-4-scout")).dims.hidden_size < WIDTH


def test_hybrids_are_equally_deep_whatever_their_rounds() -> None:
    hybrids = [name for name in spec_names() if name.startswith("llama-7b-") and "-1in" in name]
    assert len(hybrids) == 9
    found = [small(load_spec(name)).dims for name in hybrids]
    assert {(dims.num_layers, dims.hidden_size) for dims in found} == {(8, WIDTH)}


def test_layers_that_are_named_one_by_one_are_four_or_one_of_each_block() -> None:
    spec = load_spec("llama-7b")
    names = ("a", "b", *["c"] * 30)
    assert small(replace(spec, blocks=dict.fromkeys("abc", spec.choices), layers=names)).dims.num_layers == 4
    five = replace(spec, blocks=dict.fromkeys("abcde", spec.choices), layers=("a", "b", "d", "e", *["c"] * 28))
    assert small(five).layers == ("a", "b", "d", "e", "c")


def test_a_size_that_no_width_has_is_refused() -> None:
    with pytest.raises(HarnessError, match=r"^llama-7b: no scaled model has 1,000 parameters within 5%; the nearest "):
        matched(load_spec("llama-7b"), 1000, params, SIZE, LONGEST)
