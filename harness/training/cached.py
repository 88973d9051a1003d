"""Models that were trained before are not trained again."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict
from functools import cache
from pathlib import Path

import numpy as np
import torch
from filelock import FileLock

import harness
from harness.errors import HarnessError
from harness.files import cache_folder
from harness.modules.objectives import Batch
from harness.processor import processor
from harness.progress import tell
from harness.spec.model import Spec
from harness.training.loop import Loss, Trained, batch_loss, train
from harness.training.mixture import mixture
from harness.training.recipe import Recipe
from harness.tuning import tuning

DECISIVE = ("choices/", "factory.py", "modules/", "tasks/synthetic/", "training/")
"""What of this program decides the result of a training, beside what it is called with."""


def trained_on_mixture(spec: Spec, recipe: Recipe, seed: int) -> Trained:
    """The model of a spec, trained on both tasks of the mixture; see `trained_on`."""
    return trained_on(mixture(spec, recipe.batch_size, seed), {}, spec, recipe, seed)


def trained_on(
    data: Callable[[int], Batch],
    task: Mapping[str, object],
    spec: Spec,
    recipe: Recipe,
    seed: int,
    loss: Loss = batch_loss,
) -> Trained:
    """The model of a spec, trained; from the cache where it was trained before.

    That is, by the same code and kernels on such a processor.

    Of several processes that ask for the same model one trains it, and the others wait.

    Args:
        data: the batch of each step.
        task: the task's options by its name: what decides data and loss beside spec, recipe and seed. Empty for the
            mixture, which has none.
        spec: of the size that is trained.
        recipe: how.
        seed: of the first weights and of the data.
        loss: of a batch.

    Raises:
        HarnessError: nothing can be written to the cache.
    """
    packages = [torch.__version__, np.__version__]
    key = [spec.hash, asdict(recipe), seed, task, packages, sources(), tuning().identity, str(processor())]
    name = f"{hashlib.sha256(json.dumps(key, sort_keys=True).encode()).hexdigest()[:16]}.safetensors"
    what = ", ".join([*task, f"seed {seed}"])

    def progress(done: int, _: float) -> None:
        tell(what, done, recipe.steps)

    path = cache_folder() / "trained" / name
    with _alone(path):
        return train(spec, recipe, data, seed, path, progress, loss)


@cache
def sources() -> str:
    """Digest of the code that decides the result of a training."""
    root = Path(harness.__file__).parent
    files = {file.relative_to(root).as_posix(): file for file in root.rglob("*.py")}
    code = [(name, file.read_bytes()) for name, file in sorted(files.items()) if name.startswith(DECISIVE)]
    return hashlib.sha256(repr(code).encode()).hexdigest()


@contextmanager
def _alone(path: Path) -> Iterator[None]:
    """Hold back other processes that want to write a file. The lock is the system's: who is killed has it no longer."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        held = FileLock(path.with_suffix(".lock")).acquire()
    except OSError as error:
        raise HarnessError(f"{path.parent}: cannot be written: {error.strerror}") from None
    with held:
        yield
