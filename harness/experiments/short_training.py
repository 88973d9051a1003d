"""Trainings that are short and may go wrong: the loss of every step, up to where it is no longer a number."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from harness.experiments.starts import rescale
from harness.experiments.text import Text
from harness.spec.model import Spec
from harness.training.recipe import Recipe

if TYPE_CHECKING:
    from harness.modules.objectives import Batch


def losses(spec: Spec, start: str | None, recipe: Recipe, text: Text, seed: int) -> list[float]:
    """Train a fresh model on one thread. Every step has sequences never seen before, so its loss is also a test.

    Gradients are not clipped: clipping would hide what is looked for.

    Args:
        spec: of the size that is trained.
        start: rule of the first weights; see `rescale`.
        recipe: optimiser and schedule.
        text: what is to be predicted.
        seed: of the first weights and of the sequences, which are those of all specs.

    Returns:
        Nats a word, before each step; fewer than there are steps where the loss was not finite.
    """
    from harness.training.loop import one_thread, training_step
    from harness.training.start import fresh, optimiser_of

    found: list[float] = []
    with one_thread():
        model = fresh(spec, recipe, seed)
        rescale(model, start)
        optimiser = optimiser_of(model, recipe)
        for step in range(recipe.steps):
            loss = training_step(model, optimiser, _batch(text, recipe.batch_size, seed, step), recipe.rate(step))
            if not math.isfinite(loss):
                break
            found.append(loss)
    return found


def _batch(text: Text, batch_size: int, seed: int, step: int) -> Batch:
    import numpy as np
    import torch

    from harness.modules.objectives import Batch

    words = torch.from_numpy(text.sequences(np.random.default_rng([seed, step]), batch_size))
    return Batch(words[:, :-1], targets=words[:, 1:])
