"""In-context learning as a metric: what it is asked, what it stores, and that it scores rightly."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from harness.metrics import metrics, usual_metrics
from harness.metrics.icl import InContextLearning, steps_to
from harness.metrics.params import params
from harness.runner.plan import plan
from harness.spec import Spec, load_spec
from harness.spec.library import trained_names
from harness.tasks.synthetic import Questions, recall
from harness.tasks.synthetic.vocabulary import LABELS, SIZE, VALUES
from harness.training.matching import matched
from harness.training.mixture import objective_of
from harness.training.recipe import Recipe
from harness.training.scoring import answered
from harness.training.start import fresh


@pytest.fixture
def settings(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    """Those of the quick profile, but for a size that takes a second; models are kept in the folder of the test."""
    monkeypatch.setenv("HARNESS_CACHE", str(tmp_path))
    whole = InContextLearning().settings(load_spec("llama-7b"), "quick")
    recipe = {**whole["recipe"], "steps": 12, "batch_size": 4}
    adaptation = {**whole["adaptation"], "shots": [2], "tasks": 3, "steps": 2}
    smaller = {"params": 20_000, "documents": 40, "shots": [1, 2], "keys": [1, 3, 24]}
    return {**whole, "recipe": recipe, "adaptation": adaptation, **smaller}


def measured(settings: dict[str, Any], name: str = "llama-7b", **changes: Any) -> dict[str, Any]:
    return InContextLearning().measure(load_spec(name), settings | changes)


def test_the_full_profile_trains_what_predicts_few_tokens_for_longer(settings: dict[str, Any]) -> None:
    planned = {
        name: InContextLearning().settings(load_spec(name), "full")["longer"]
        for name in ("chatglm-6b", "chatglm-6b-ordered", "chatglm-6b-causal", "llama-7b")
    }
    more = [8000, 16000]
    assert planned == {"chatglm-6b": more, "chatglm-6b-ordered": more, "chatglm-6b-causal": [], "llama-7b": []}
    (longer,) = measured(settings, "chatglm-6b", longer=[15])["longer"]
    assert (longer["steps"], longer["seed"], len(longer["classification"])) == (15, 0, 2)
    assert longer["losses"][0] != measured(settings, "chatglm-6b")["seeds"][0]["losses"][0]


@pytest.mark.parametrize("name", ["llama-7b", "chatglm-6b", "gpt3-small"])
def test_a_result_is_complete_and_can_be_stored(settings: dict[str, Any], name: str) -> None:
    values = measured(settings, name)
    assert json.loads(json.dumps(values)) == values
    assert values["model"]["params"] == pytest.approx(20_000, rel=0.05)
    for task, options in (("classification", 2), ("recall", 3)):
        assert len(values[task]["accuracy"]) == options
        assert values[task]["accuracy"] == values["seeds"][0][task]
        assert values[task]["standard_error"] is None
    assert values["classification"]["chance"] == 1 / len(LABELS)
    assert values["recall"]["chance"] == 1 / len(VALUES)
    assert values["classification"]["ceiling"][0] == pytest.approx(5 / 14)
    assert len(values["seeds"][0]["losses"]) == 1
    ways = [row["way"] for row in values["adaptation"]]
    once = [] if name == "chatglm-6b" else ["in context, read once"]
    assert ways == ["in context", *once, "fine-tuning", "fine-tuning with a task head"]
    assert all(row["flops"] > 0 and row["core_seconds"] > 0 for row in values["adaptation"])


def test_the_same_settings_give_the_same_result_trained_or_kept(settings: dict[str, Any], tmp_path: Path) -> None:
    first = measured(settings)
    (kept,) = tmp_path.rglob("*.safetensors")
    assert measured(settings)["seeds"] == first["seeds"]
    kept.unlink()
    again = measured(settings)
    for values in (first, again):
        for row in (*values["seeds"], *values["adaptation"]):
            del row["core_seconds"]
    assert first == again


def test_several_seeds_have_an_error_of_their_mean(settings: dict[str, Any]) -> None:
    values = measured(settings, seeds=[0, 1, 2])
    accuracies = np.array([seed["recall"] for seed in values["seeds"]])
    assert values["recall"]["accuracy"] == pytest.approx(accuracies.mean(0))
    assert values["recall"]["standard_error"] == pytest.approx(accuracies.std(0, ddof=1) / 3**0.5)
    assert len({tuple(seed["losses"]) for seed in values["seeds"]}) == 3


def test_what_is_likeliest_among_the_choices_is_the_answer() -> None:
    """Held against one question after another, and a model that is right whatever it is asked."""
    spec = matched(load_spec("chatglm-6b"), 20_000, params, SIZE, 50)
    model = fresh(spec, Recipe(), 0).eval()
    asked = recall.questions(np.random.default_rng(0), 60, 3)
    expected = []
    for prompt, answer in zip(asked.prompts, asked.answers, strict=True):
        batch = objective_of(spec).prompt(prompt[None])
        with torch.no_grad():
            logits = model(batch.input_ids, context=batch.context)[0, -1]
        expected.append(max(VALUES, key=lambda word: logits[word].item()) == answer)
    assert answered(model, asked).tolist() == expected
    sure = Questions(
        asked.prompts, asked.answers[:1].repeat(60), range(int(asked.answers[0]), int(asked.answers[0]) + 1)
    )
    assert answered(model, sure).all()


def test_steps_to_a_threshold() -> None:
    losses = [2.0] * 100 + [1.0] * 100
    assert steps_to(losses, 1.5) == 125
    assert steps_to(losses, 2.0) == 50
    assert steps_to(losses, 0.9) is None
    assert steps_to(losses[:20], 3.0) is None


def test_the_learning_rate_with_the_lowest_loss_on_held_out_sequences_is_taken(settings: dict[str, Any]) -> None:
    values = measured(settings, rates=[1e-3, 3e-3, 1e-2], seeds=[0, 1])
    losses = {tried["rate"]: tried["held_out"] for tried in values["rates"]}
    assert values["rate"] == min(losses, key=lambda rate: losses[rate])
    assert len(losses) >= 4  # 12 steps want more than any of the three
    (alone,) = (measured(settings, rates=[rate])["rates"] for rate in [values["rate"]])
    assert alone == [{"rate": values["rate"], "held_out": losses[values["rate"]]}]
    found = measured(settings, rates=[values["rate"]], seeds=[1])["seeds"][0]
    assert found["losses"] == values["seeds"][1]["losses"]


def test_the_quick_profile_trains_some_of_every_family_and_the_full_one_more(specs: dict[str, Spec]) -> None:
    quick = plan(specs.values(), ["icl"], "quick", asked_for=False)
    of_the_notes = {"GPT", "GLM", "LLaMA", "Qwen", "Baichuan"}
    assert {cell.spec.family for cell in quick} == of_the_notes
    full = plan(specs.values(), ["icl"], "full", asked_for=False)
    assert {cell.spec.name for cell in full} == set(trained_names("full")) > {cell.spec.name for cell in quick}
    assert all(cell.settings["seeds"] == [0, 1, 2, 3, 4] and len(cell.settings["rates"]) == 3 for cell in full)
    assert all(cell.settings["seeds"] == [0] and len(cell.settings["rates"]) == 1 for cell in quick)


def test_what_is_asked_for_by_name_is_measured(specs: dict[str, Spec]) -> None:
    assert len(plan([specs["llama-13b"]], ["icl"], "quick")) == 1
    assert plan([specs["llama-13b"]], ["icl"], "quick", asked_for=False) == []
    assert len(plan([specs["llama-13b"]], ["icl"], "quick", asked_for=False, named={"llama-13b"})) == 1


def test_every_spec_of_the_profiles_exists(specs: dict[str, Spec]) -> None:
    assert set(specs) >= set(trained_names("full"))


def test_metrics_leave_nothing_out_unless_they_say_so(specs: dict[str, Spec]) -> None:
    others = [name for name in usual_metrics() if name not in ("icl", "icl_wide")]
    applying = [(name, spec) for spec in specs.values() for name in others if metrics[name]().applies(spec)]
    planned = plan(specs.values(), others, "quick", asked_for=False)
    assert [(cell.metric, cell.spec) for cell in planned] == applying
