"""Fine-tuning against reading: both see the same examples, are asked the same, and leave the model as it was."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch

from harness.metrics.flops import flops
from harness.metrics.params import params
from harness.modules.decoder import Decoder
from harness.spec import load_spec
from harness.tasks.synthetic.classification import PER_GROUP, Task, tasks
from harness.tasks.synthetic.vocabulary import ITEMS, LABELS, SIZE
from harness.training.adaptation import (
    FineTuning,
    compared,
    cost_in_context,
    cost_of_fine_tuning,
    cost_of_reading_once,
    fine_tuned,
    in_context,
    read_once,
    reads_forward,
)
from harness.training.matching import matched
from harness.training.recipe import Recipe
from harness.training.start import fresh


def small(name: str) -> Decoder:
    return fresh(matched(load_spec(name), 20_000, params, SIZE, 50), Recipe(), 0).eval()


@pytest.fixture
def task() -> Task:
    """One with an example of every item."""
    (drawn,) = tasks(np.random.default_rng(0), 1, 1)
    return Task(np.array(ITEMS), drawn.answers, drawn.answers)


def test_examples_of_a_task_agree_with_its_answers() -> None:
    for task in tasks(np.random.default_rng(0), 20, 8):
        assert (task.labels == task.answers[task.items - ITEMS.start]).all()
        labels = task.answers.reshape(-1, PER_GROUP)
        assert (labels == labels[:, :1]).all()
        assert len(set(labels[:, 0].tolist())) == len(labels)
        assert set(labels[:, 0].tolist()) <= set(LABELS)


@pytest.mark.parametrize("task_head", [False, True])
@pytest.mark.parametrize("name", ["llama-7b", "gpt2-small", "chatglm-6b"])
def test_enough_steps_on_all_items_teach_all_of_them(name: str, task_head: bool, task: Task) -> None:
    model = small(name)
    before = {key: value.clone() for key, value in model.state_dict().items()}
    assert fine_tuned(model, task, FineTuning(40, 1e-2, task_head)).accuracy == 1.0
    assert fine_tuned(model, task, FineTuning(0, 1e-2, task_head)).accuracy < 0.6
    assert all(torch.equal(value, before[key]) for key, value in model.state_dict().items())


def test_a_fresh_model_reads_nothing_in_its_context(task: Task) -> None:
    assert in_context(small("llama-7b"), task).accuracy < 0.6


@pytest.mark.parametrize("name", ["llama-7b", "gpt2-small", "gpt3-small-banded"])
def test_examples_that_are_read_once_give_the_same_answers(name: str) -> None:
    """Of a model with random weights, whose answers differ from item to item."""
    model = small(name)
    given = tasks(np.random.default_rng(0), 8, 12)
    accuracies = [in_context(model, task).accuracy for task in given]
    assert [read_once(model, task).accuracy for task in given] == accuracies
    assert len(set(accuracies)) > 2


def test_who_looks_ahead_at_the_question_cannot_read_the_examples_once() -> None:
    ways = {
        name: [row["way"] for row in compared(small(name), 2, 2, {}, flops, 0)] for name in ("llama-7b", "chatglm-6b")
    }
    assert ways == {"llama-7b": ["in context", "in context, read once"], "chatglm-6b": ["in context"]}
    llama = load_spec("llama-7b")
    infilling = replace(llama, choices=replace(llama.choices, objective=load_spec("chatglm-6b").choices.objective))
    assert not reads_forward(infilling)  # it looks behind a blank for the answer


def test_costs_are_those_of_the_passes() -> None:
    llama, glm = small("llama-7b").spec, small("chatglm-6b").spec
    assert cost_in_context(llama, 4, flops) == flops(llama, "prefill", 9, 16, causal=False)
    assert cost_in_context(glm, 4, flops) == flops(glm, "prefill", 11, 16, causal=False)
    once = flops(llama, "prefill", 8, 1, causal=False) + flops(llama, "decode", 9, 16, causal=False)
    assert cost_of_reading_once(llama, 4, flops) == once
    tuned = cost_of_fine_tuning(llama, 4, FineTuning(20, 1e-3, False), flops)
    assert tuned == 20 * flops(llama, "train", 1, 4, causal=False) + flops(llama, "prefill", 1, 16, causal=False)
