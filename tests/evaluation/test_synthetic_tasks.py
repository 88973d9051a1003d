"""The made-up tasks through lm-eval give what the likeliest word of the model gives, question by question."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

from harness.evaluation.lm import HarnessLM
from harness.evaluation.run import TASKS, evaluate
from harness.evaluation.tokenizers import Words
from harness.metrics.icl import KEYS, QUESTIONS_SEED, SHOTS
from harness.metrics.icl_wide import KNOWN, WiderInContextLearning
from harness.metrics.params import params
from harness.modules.decoder import Decoder
from harness.spec import load_spec
from harness.tasks.synthetic import Questions, classification, documents, recall
from harness.tasks.synthetic.markov import Chains
from harness.tasks.synthetic.vocabulary import END, SIZE, WORDS
from harness.training.loop import train
from harness.training.matching import matched
from harness.training.mixture import mixture, objective_of
from harness.training.recipe import Recipe
from harness.training.scoring import answered

DOCUMENTS = 500


@pytest.fixture(scope="module", params=["llama-7b", "chatglm-6b"])
def model(request: pytest.FixtureRequest) -> Decoder:
    """One that has learnt enough not to answer all questions alike."""
    recipe = Recipe(steps=30, batch_size=16)
    spec = matched(load_spec(request.param), 20_000, params, SIZE, 50)
    return train(spec, recipe, mixture(spec, recipe.batch_size, 0), 0).model


def lm_of(model: Decoder) -> HarnessLM:
    blank = objective_of(model.spec).prompt(np.zeros((1, 1), dtype=np.int64)).input_ids[0, 1:].tolist()
    return HarnessLM.of(model, Words(WORDS, WORDS[END], WORDS[END], [WORDS[token] for token in blank]))


def questions(ask: Callable[..., Questions], *options: int) -> Questions:
    return ask(np.random.default_rng(QUESTIONS_SEED), DOCUMENTS, *options)


@pytest.mark.parametrize("shots", [0, 4, 16])
def test_classification(model: Decoder, shots: int) -> None:
    expected = answered(model, questions(classification.questions, shots, max(SHOTS)))[:50]
    (outcome,) = evaluate(lm_of(model), ["bound_labels"], num_fewshot=shots, limit=50)
    assert list(outcome.correct) == expected.tolist()
    assert outcome.accuracy == expected.mean()
    assert outcome.chance == pytest.approx(1 / 8)


@pytest.mark.parametrize("keys", [2, 24])
def test_recall(model: Decoder, keys: int) -> None:
    expected = answered(model, questions(recall.questions, keys))[:20]
    (outcome,) = evaluate(lm_of(model), [f"recall_{keys}"], limit=20)
    assert list(outcome.correct) == expected.tolist()
    assert outcome.chance == pytest.approx(1 / 64)


@pytest.mark.parametrize("known", [1, 16])
def test_chains(model: Decoder, known: int) -> None:
    settings = WiderInContextLearning().settings(model.spec, "full")["markov"]
    expected = answered(model, questions(Chains(**settings).questions, known))[:50]
    (outcome,) = evaluate(lm_of(model), [f"markov_{known}"], limit=50)
    assert list(outcome.correct) == expected.tolist()
    assert outcome.accuracy == expected.mean()
    assert outcome.chance == pytest.approx(1 / 4)


def test_the_tasks_are_those_of_the_metrics() -> None:
    assert documents.SEED == QUESTIONS_SEED
    assert max(SHOTS) == documents.MOST_SHOTS
    assert all((TASKS / "synthetic" / f"markov_{known}.yaml").is_file() for known in KNOWN)
    assert all((TASKS / "synthetic" / f"recall_{keys}.yaml").is_file() for keys in KEYS)
