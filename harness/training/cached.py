"""Models that were trained before are not trained again."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Mapping
from dataclasses import asdict

import numpy as np
import torch

from harness.files import cache_folder
from harness.modules.objectives import Batch
from harness.progress import tell
from harness.spec.model import Spec
from harness.training.loop import Loss, Trained, batch_loss, train
from harness.training.mixture import mixture
from harness.training.recipe import Recipe


def trained_on_mixture(spec: Spec, recipe: Recipe, seed: int, version: int) -> Trained:
    """The model of a spec, trained on both tasks of the mixture; see `trained_on`."""
    return trained_on(mixture(spec, recipe.batch_size, seed), {}, spec, recipe, seed, version)


def trained_on(
    data: Callable[[int], Batch],
    task: Mapping[str, object],
    spec: Spec,
    recipe: Recipe,
    seed: int,
    version: int,
    loss: Loss = batch_loss,
) -> Trained:
    """The model of a spec, trained; from the cache where this program trained it before.

    Args:
        data: the batch of each step.
        task: the task's options by its name: what decides data and loss beside spec, recipe and seed. Empty for the
            mixture, which has none.
        spec: of the size that is trained.
        recipe: how.
        seed: of the first weights and of the data.
        version: of what it is trained for; another version is trained anew.
        loss: of a batch.
    """
    packages = [torch.__version__, np.__version__]
    key = [spec.hash, asdict(recipe), seed, version, packages, *([task] if task else [])]
    name = f"{hashlib.sha256(json.dumps(key, sort_keys=True).encode()).hexdigest()[:16]}.safetensors"
    what = ", ".join([*task, f"seed {seed}"])

    def progress(done: int, _: float) -> None:
        tell(what, done, recipe.steps)

    return train(spec, recipe, data, seed, cache_folder() / "trained" / name, progress, loss)
