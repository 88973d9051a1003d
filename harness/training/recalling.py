"""Training on recall alone: values are to be predicted behind keys that came before."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from harness.modules.objectives import Batch
from harness.spec.model import Spec
from harness.tasks.synthetic import recall
from harness.training.cached import trained_on
from harness.training.loop import Trained
from harness.training.mixture import objective_of
from harness.training.recipe import Recipe


def trained_on_recall(spec: Spec, recipe: Recipe, seed: int, pairs: int, most_keys: int) -> Trained:
    """The model of a spec, trained on sequences of so many pairs of up to so many keys; see `trained_on`."""
    data = batches(spec, recipe.batch_size, seed, pairs, most_keys)
    return trained_on(data, {"recall": {"pairs": pairs, "most_keys": most_keys}}, spec, recipe, seed)


def batches(spec: Spec, batch_size: int, seed: int, pairs: int, most_keys: int) -> Callable[[int], Batch]:
    """The batch of each step in the form of the spec's objective; its sequences are a function of seed and step."""
    objective = objective_of(spec)
    answers = np.arange(2 * pairs) % 2 == 1

    def batch(step: int) -> Batch:
        words, spans = (np.random.default_rng([seed, step, stream]) for stream in range(2))
        return objective.examples(recall.training(words, batch_size, pairs, most_keys), answers, spans)

    return batch
