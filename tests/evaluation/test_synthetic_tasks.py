"""The made-up tasks through lm-eval give what the likeliest word of the model gives, question by question."""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np
import pytest
import torch
from lm_eval.api.instance import Instance

from harness.evaluation.lm import HarnessLM
from harness.evaluation.run import TASKS, evaluate
from harness.evaluation.text import Words
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
    """One that has learnt enough to answer some questions rightly."""
    recipe = Recipe(steps=300)
    longest = 2 * max(KEYS) + 1 + 2  # with the mask and the start that blank infilling puts behind a question
    spec = matched(load_spec(request.param), 40_000, params, SIZE, longest)
    return train(spec, recipe, mixture(spec, recipe.batch_size, 0), 0).model


class Choosing(HarnessLM):
    """Keeps which choice of each document was the likeliest."""

    def loglikelihood(self, requests: list[Instance], disable_tqdm: bool = False) -> list[tuple[float, bool]]:
        found: list[tuple[float, bool]] = super().loglikelihood(requests, disable_tqdm)
        best: dict[int, tuple[float, int]] = {}
        for request, (loglikelihood, _) in zip(requests, found, strict=True):
            best[request.doc_id] = max(best.get(request.doc_id, (-math.inf, 0)), (loglikelihood, request.idx))
        self.chosen = [best[document][1] for document in sorted(best)]
        return found


def lm_of(model: Decoder) -> Choosing:
    blank = objective_of(model.spec).prompt(np.zeros((1, 1), dtype=np.int64)).input_ids[0, 1:].tolist()
    return Choosing.of(model, Words(WORDS, WORDS[END], WORDS[END], [WORDS[token] for token in blank]))


def likeliest(model: Decoder, asked: Questions, documents: int) -> list[int]:
    """The likeliest choice of each of the first documents, by a pass for each."""
    chosen = []
    for prompt in asked.prompts[:documents]:
        batch = objective_of(model.spec).prompt(prompt[None])
        with torch.no_grad():
            logits = model(batch.input_ids, context=batch.context)[0, -1]
        chosen.append(int(logits[asked.choices.start : asked.choices.stop].argmax()))
    return chosen


def questions(ask: Callable[..., Questions], *options: int) -> Questions:
    return ask(np.random.default_rng(QUESTIONS_SEED), DOCUMENTS, *options)


@pytest.mark.parametrize("shots", [0, 4, 16])
def test_classification(model: Decoder, shots: int) -> None:
    expected = answered(model, questions(classification.questions, shots, max(SHOTS)))[:50]
    (outcome,) = evaluate(lm_of(model), ["bound_labels"], num_fewshot=shots, limit=50)
    assert list(outcome.correct) == expected.tolist()
    assert outcome.accuracy == expected.mean()
    assert outcome.chance == pytest.approx(1 / 8)


@pytest.mark.parametrize(("keys", "some"), [(1, True), (2, True), (24, False)])
def test_recall(model: Decoder, keys: int, some: bool) -> None:
    """Value by value: right answers are few with a model that has seen so little."""
    asked, lm = questions(recall.questions, keys), lm_of(model)
    (outcome,) = evaluate(lm, [f"recall_{keys}"], limit=20)
    assert lm.chosen == likeliest(model, asked, 20)
    assert len(set(lm.chosen)) > 5
    expected = answered(model, asked)[:20]
    assert list(outcome.correct) == expected.tolist()
    assert (0 < expected.sum() < 20) or not some
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
