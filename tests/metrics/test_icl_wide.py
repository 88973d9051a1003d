"""The wider profile as a metric: what it stores is complete, repeatable, and held against the right references."""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from harness.metrics.icl import small_model
from harness.metrics.icl_wide import WiderInContextLearning
from harness.metrics.params import params
from harness.runner.plan import plan
from harness.spec import Spec, load_spec, spec_names
from harness.spec.library import trained_names
from harness.tasks.synthetic.regression import LinearFunctions, least_squares
from harness.training.matching import FEWEST_LAYERS


@pytest.fixture
def settings(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    """Those of one seed, but for a size that takes a second; models are kept in the folder of the test."""
    monkeypatch.setenv("HARNESS_CACHE", str(tmp_path))
    whole = WiderInContextLearning().settings(load_spec("llama-7b"), "quick")
    return {
        **whole,
        "recipe": {**whole["recipe"], "steps": 6, "batch_size": 4},
        "params": 20_000,
        "documents": 300,
        "markov": {"states": 3, "length": 10},
        "known": [1, 9],
        "regression": {"dimensions": 2, "pairs": 4},
        "examples": [0, 1, 3],
    }


def measured(settings: dict[str, Any], name: str = "llama-7b", **changes: Any) -> dict[str, Any]:
    return WiderInContextLearning().measure(load_spec(name), settings | changes)


@pytest.mark.parametrize("name", ["llama-7b", "chatglm-6b", "gpt3-small"])
def test_a_result_is_complete_and_can_be_stored(settings: dict[str, Any], name: str) -> None:
    values = measured(settings, name)
    assert json.loads(json.dumps(values)) == values
    for task, measures, points in (("markov", ("cross_entropy", "accuracy"), 2), ("regression", ("error",), 3)):
        found = values[task]
        assert found["model"]["params"] == pytest.approx(20_000, rel=0.05)
        assert [len(seed["losses"]) for seed in found["seeds"]] == [1]
        for measure in measures:
            assert found[measure] == {"mean": found["seeds"][0][measure]["mean"], "standard_error": None}
            assert len(found[measure]["mean"]) == len(found["seeds"][0][measure]["standard_error"]) == points
    assert values["markov"]["chance"] == {"cross_entropy": math.log(3), "accuracy": 1 / 3}
    assert values["regression"]["examples"] == [0, 1, 3]


def test_references_are_of_the_same_questions(settings: dict[str, Any]) -> None:
    values = measured(settings)
    markov = values["markov"]
    assert markov["bayes"]["cross_entropy"][0] == pytest.approx(math.log(3))  # one word tells nothing
    assert markov["bayes"]["cross_entropy"][1] < markov["unigram"]["cross_entropy"][1]
    points, wanted = LinearFunctions(2, 4).examples(np.random.default_rng(1), 300)
    errors = ((least_squares(points, wanted) - wanted) ** 2).mean(0)[[0, 1, 3]] / 2
    assert values["regression"]["least_squares"] == pytest.approx(errors.tolist())
    assert values["regression"]["zero"] == pytest.approx((wanted**2).mean(0)[[0, 1, 3]] / 2)


def test_the_same_settings_give_the_same_result_trained_or_kept(settings: dict[str, Any], tmp_path: Path) -> None:
    first = measured(settings)
    kept = list(tmp_path.rglob("*.safetensors"))
    assert len(kept) == 2
    assert measured(settings) == first
    for file in kept:
        file.unlink()
    again = measured(settings)
    for task in ("markov", "regression"):
        for values in (first, again):
            del values[task]["seeds"][0]["core_seconds"]
    assert first == again


def test_several_seeds_have_an_error_of_their_mean(settings: dict[str, Any]) -> None:
    found = measured(settings, seeds=[0, 1, 2])["regression"]
    means = np.array([seed["error"]["mean"] for seed in found["seeds"]])
    assert found["error"]["mean"] == pytest.approx(means.mean(0))
    assert found["error"]["standard_error"] == pytest.approx(means.std(0, ddof=1) / 3**0.5)


@pytest.mark.parametrize("task", ["markov", "regression"])
def test_the_learning_rate_with_the_lowest_loss_on_held_out_sequences_is_taken(
    settings: dict[str, Any], task: str
) -> None:
    found = measured(settings, rates=[1e-3, 3e-3, 1e-2])[task]
    losses = {tried["rate"]: tried["held_out"] for tried in found["rates"]}
    assert found["rate"] == min(losses, key=lambda rate: losses[rate])
    assert len(losses) >= 3
    alone = measured(settings, rates=[found["rate"]])[task]
    assert alone["rates"] == [{"rate": found["rate"], "held_out": losses[found["rate"]]}]
    assert alone["seeds"][0]["losses"] == found["seeds"][0]["losses"]


@pytest.mark.parametrize("name", spec_names())
def test_every_spec_has_a_model_that_reads_vectors_within_five_per_cent(name: str) -> None:
    settings = WiderInContextLearning().settings(load_spec(name), "full")
    coordinates = LinearFunctions(**settings["regression"]).coordinates
    small = small_model(load_spec(name), settings, coordinates)
    assert params(small) == pytest.approx(settings["params"] * small.dims.num_layers / FEWEST_LAYERS, rel=0.05)


def test_the_full_profile_measures_the_listed_specs_and_the_quick_one_those_that_are_named(
    specs: dict[str, Spec],
) -> None:
    full = plan(specs.values(), ["icl_wide"], "full", asked_for=False)
    assert {cell.spec.name for cell in full} == set(trained_names("quick"))
    assert full[0].settings["seeds"] == [0, 1, 2]
    assert plan(specs.values(), ["icl_wide"], "quick", asked_for=False) == []
    of_13b = [specs["llama-13b"]]
    assert plan(of_13b, ["icl_wide"], "full", asked_for=False) == []
    assert len(plan(of_13b, ["icl_wide"], "full", asked_for=False, named={"llama-13b"})) == 1
    assert plan(of_13b, ["icl_wide"], "quick", asked_for=False, named={"llama-13b"}) == []
    (named,) = plan(of_13b, ["icl_wide"], "quick")
    assert named.settings["seeds"] == [0]
