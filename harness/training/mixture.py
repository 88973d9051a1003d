"""What the small models are trained on: both tasks, half and half, in sequences of one length."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from harness.modules import computed_by
from harness.modules.objectives import Batch, ObjectiveModule, Specials
from harness.spec.model import Spec
from harness.tasks.synthetic import classification, recall
from harness.tasks.synthetic.vocabulary import MASK, START, STOP

PAIRS = 17
"""Pairs of a sequence: sixteen to learn from, and one more; 34 tokens."""


def objective_of(spec: Spec) -> ObjectiveModule:
    """The spec's objective, with the special words of the tasks."""
    choices = spec.choices
    module: ObjectiveModule = computed_by(choices.objective)(
        choices.objective, choices.position, Specials(MASK, START, STOP)
    )
    return module


def mixture(spec: Spec, batch_size: int, seed: int) -> Callable[[int], Batch]:
    """The batch of each step in the form that the spec's objective asks for.

    The sequences are a function of seed and step, so all specs are shown the same ones in the same order.
    """
    objective = objective_of(spec)
    answers = np.arange(2 * PAIRS) % 2 == 1

    def batch(step: int) -> Batch:
        words, spans = (np.random.default_rng([seed, step, stream]) for stream in range(2))
        half = batch_size // 2
        tokens = np.concatenate(
            (classification.training(words, half, PAIRS), recall.training(words, batch_size - half, PAIRS))
        )
        return objective.examples(tokens, answers, spans)

    return batch
