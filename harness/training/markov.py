"""Training on Markov chains: every word of a sequence is to be predicted."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict

import numpy as np

from harness.modules.objectives import Batch
from harness.spec.model import Spec
from harness.tasks.synthetic.markov import Chains
from harness.training.cached import trained_on
from harness.training.loop import Trained
from harness.training.mixture import objective_of
from harness.training.recipe import Recipe


def trained_on_chains(task: Chains, spec: Spec, recipe: Recipe, seed: int) -> Trained:
    """The model of a spec, trained on chains; see `trained_on`."""
    data = batches(task, spec, recipe.batch_size, seed)
    return trained_on(data, {"Markov chains": asdict(task)}, spec, recipe, seed)


def batches(task: Chains, spec: Spec, batch_size: int, seed: int) -> Callable[[int], Batch]:
    """The batch of each step in the form of the spec's objective; its sequences are a function of seed and step."""
    objective = objective_of(spec)
    answers = np.ones(task.length, dtype=np.bool_)

    def batch(step: int) -> Batch:
        words, spans = (np.random.default_rng([seed, step, stream]) for stream in range(2))
        return objective.examples(task.sequences(words, batch_size), answers, spans)

    return batch
