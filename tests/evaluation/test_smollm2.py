"""Released weights through lm-eval: transformers' numbers, and lm-eval's own model of transformers."""

from __future__ import annotations

import warnings

import pytest
import torch
from lm_eval.api.instance import Instance
from transformers import AutoTokenizer, PreTrainedTokenizerFast

import harness
from harness.checkpoints.load import checkpoint_spec
from harness.evaluation.lm import HarnessLM
from harness.evaluation.run import evaluate
from harness.metrics.icl_weights import TASKS, WeightsInContext
from tests.checkpoints.smollm2 import needs_weights, reference, weights_file

pytestmark = needs_weights

TEXTS = [
    "performance -> performances\nopponent ->",
    "Antarctica -> Antarctique\nThaïlande, 2024-11-02: 12345 ->",
    "  spaces,\ttabs\n\nand 3.14 don't  matter <|im_start|>user\n日本語 🙂",
]


@pytest.fixture(scope="module")
def lm() -> HarnessLM:
    return HarnessLM(spec="smollm2-135m")


@pytest.fixture(scope="module")
def tokenizer() -> PreTrainedTokenizerFast:
    """transformers' own reading of the file."""
    with warnings.catch_warnings(action="ignore"):
        path = weights_file()
        found: PreTrainedTokenizerFast = AutoTokenizer.from_pretrained(path.parent, gguf_file=path.name)
    return found


def test_the_spec_is_that_of_its_weights() -> None:
    assert checkpoint_spec(weights_file()).hash == harness.load_spec("smollm2-135m").hash


@pytest.mark.parametrize("text", TEXTS)
def test_tokens_are_those_of_transformers(lm: HarnessLM, tokenizer: PreTrainedTokenizerFast, text: str) -> None:
    tokens = lm.tok_encode(text)
    assert tokens == tokenizer.encode(text)
    assert lm.text.decode(tokens) == text.replace("<|im_start|>", "")


@torch.no_grad()
def test_loglikelihoods_are_those_of_transformers(lm: HarnessLM) -> None:
    pairs = [(TEXTS[0], f" {word}") for word in ("opponents", "opponent", "enemies of the people")]
    pairs += [(TEXTS[1], " thaïlandais"), ("", "The capital of France is Paris.")]
    requests = [Instance("loglikelihood", {}, pair, 0) for pair in pairs]
    found = lm.loglikelihood(requests, disable_tqdm=True)
    for (context, continuation), (loglikelihood, greedy) in zip(pairs, found, strict=True):
        start = lm.tok_encode(context) or [lm.prefix_token_id]
        rest = torch.tensor(lm.tok_encode(context + continuation)[len(lm.tok_encode(context)) :])
        logits = reference()(torch.tensor([[*start, *rest[:-1].tolist()]])).logits[0, len(start) - 1 :]
        expected = float(logits.double().log_softmax(-1)[range(len(rest)), rest].sum())
        assert loglikelihood == pytest.approx(expected, rel=1e-4)
        assert greedy == bool((logits.argmax(-1) == rest).all())


def test_accuracies_are_those_of_lm_evals_own_model(lm: HarnessLM, tokenizer: PreTrainedTokenizerFast) -> None:
    with warnings.catch_warnings(action="ignore"):
        from lm_eval.models.huggingface import HFLM

        theirs = HFLM(pretrained=reference(), tokenizer=tokenizer, batch_size=8)
        expected = evaluate(theirs, TASKS, num_fewshot=2, limit=4)
    outcomes = evaluate(lm, TASKS, num_fewshot=2, limit=4)
    assert [outcome.correct for outcome in outcomes] == [outcome.correct for outcome in expected]
    assert 0 < sum(outcome.accuracy or 0 for outcome in outcomes) < len(TASKS)


def test_the_metric_measures_every_task_with_every_choice_of_demonstrations() -> None:
    """And at five shots at least every second token is saved."""
    spec = harness.load_spec("smollm2-135m")
    settings = {**WeightsInContext().settings(spec, "quick"), "questions": 3}
    assert (settings["tasks"], settings["shots"], len(settings["seeds"])) == (list(TASKS), [0, 1, 5], 3)
    settings |= {"tasks": ["plural", "french"], "shots": [0, 5], "seeds": [0, 1]}
    values = WeightsInContext().measure(spec, settings)
    assert [(run["task"], run["shots"], run["seed"]) for run in values["runs"]] == [
        (task, shots, seed) for shots, seed in ((0, 0), (5, 0), (5, 1)) for task in ("plural", "french")
    ]
    for run in values["runs"]:
        assert len(run["correct"]) == 3
        assert run["accuracy"] == pytest.approx(run["correct"].count("1") / 3)
    plural = [run["accuracy"] for run in values["runs"] if (run["task"], run["shots"]) == ("plural", 5)]
    (row,) = [row for row in values["tasks"] if (row["task"], row["shots"]) == ("plural", 5)]
    assert row["accuracy"] == pytest.approx(sum(plural) / 2)
    assert row["deviation"] == pytest.approx(abs(plural[0] - plural[1]) / 2**0.5)
    assert [(row["shots"], row["seeds"]) for row in values["means"]] == [(0, 1), (5, 2)]
    for cost in values["costs"]:
        assert cost["shots"] == 0 or cost["computed"] + cost["padding"] < cost["requested"] / 2
