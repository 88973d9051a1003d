"""Training on linear functions: a model reads real vectors, and a coordinate of what it writes is its answer.

The token table multiplies the vectors, as it does tokens, which are vectors of one 1; the head writes as many
coordinates as logits, and that of y is read off behind every x. So the choices of a spec, tied tables included, stay as
they are. Text has no part in this: a model of any objective reads the places in order, each seeing those before it as
its pattern lets it. Garg et al. 2022, https://arxiv.org/abs/2208.01066, section 3, read in and out by matrices too.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict

import numpy as np
import torch
from torch import Tensor
from torch.nn.functional import mse_loss

from harness.modules.decoder import Decoder
from harness.modules.objectives import Batch
from harness.spec.model import Spec
from harness.tasks.synthetic.regression import LinearFunctions, Reals
from harness.training.cached import trained_on
from harness.training.loop import Trained, one_thread
from harness.training.recipe import Recipe

Y = -2
"""The coordinate of y."""


def trained_on_functions(task: LinearFunctions, spec: Spec, recipe: Recipe, seed: int) -> Trained:
    """The model of a spec, trained on linear functions; see `trained_on`."""
    data = batches(task, recipe.batch_size, seed)
    return trained_on(data, {"linear functions": asdict(task)}, spec, recipe, seed, squared_error)


def batches(task: LinearFunctions, batch_size: int, seed: int) -> Callable[[int], Batch]:
    """The batch of each step, a function of seed and step: vectors [B, 2 P - 1, V], and as targets all y, [B, P]."""

    def batch(step: int) -> Batch:
        points, values = task.examples(np.random.default_rng([seed, step]), batch_size)
        return Batch(_tensor(task.read(points, values)), _tensor(values))

    return batch


def squared_error(model: Decoder, batch: Batch) -> Tensor:
    """Mean squared error over all y."""
    assert batch.targets is not None
    return mse_loss(_values(model, batch.input_ids), batch.targets)


@torch.no_grad()
def predicted(model: Decoder, task: LinearFunctions, points: Reals, values: Reals) -> Reals:
    """Each value as told from the pairs before it, [documents, P]."""
    with one_thread():
        return np.asarray(_values(model, _tensor(task.read(points, values))).double().numpy())


def _values(model: Decoder, vectors: Tensor) -> Tensor:
    """What is answered behind every x, [B, P]."""
    written: Tensor = model(vectors)
    return written[:, ::2, Y]


def _tensor(reals: Reals) -> Tensor:
    return torch.from_numpy(reals).float()
