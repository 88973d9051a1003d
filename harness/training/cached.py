"""Models that were trained before are not trained again."""

from __future__ import annotations

import hashlib
import json
from dataclasses import asdict

import numpy as np
import torch

from harness.files import cache_folder
from harness.progress import tell
from harness.spec.model import Spec
from harness.training.loop import Trained, train
from harness.training.mixture import mixture
from harness.training.recipe import Recipe


def trained_on_mixture(spec: Spec, recipe: Recipe, seed: int, version: int) -> Trained:
    """The model of a spec, trained on both tasks; from the cache where this program trained it before.

    Args:
        spec: of the size that is trained.
        recipe: how.
        seed: of the first weights and of the data.
        version: of what it is trained for; another version is trained anew.
    """
    packages = [torch.__version__, np.__version__]
    decides = json.dumps([spec.hash, asdict(recipe), seed, version, packages], sort_keys=True)
    name = f"{hashlib.sha256(decides.encode()).hexdigest()[:16]}.safetensors"
    data, path = mixture(spec, recipe.batch_size, seed), cache_folder() / "trained" / name
    return train(spec, recipe, data, seed, path, lambda done, loss: tell(f"seed {seed}", done, recipe.steps))
