"""In-context learning of small models that were trained alike: accuracy over demonstrations, and recall over pairs."""

from __future__ import annotations

import hashlib
import json
import math
from collections.abc import Sequence
from dataclasses import asdict
from functools import cache
from pathlib import Path
from statistics import fmean, stdev
from typing import TYPE_CHECKING, Any

from harness.files import cache_folder
from harness.metrics import Metric, metrics
from harness.metrics.flops import flops
from harness.metrics.params import params
from harness.spec.model import Spec
from harness.training.recipe import Recipe

if TYPE_CHECKING:
    from harness.training.loop import Trained

TARGET = 110_000
"""Parameters of the models that are trained."""
LONGEST = 50
"""Tokens of the longest sequence that a model is asked; what scales with the length scales with this."""
SHOTS = (0, 1, 2, 4, 8, 16)
KEYS = (1, 2, 4, 8, 12, 16, 24)
"""Pairs to recall from. Training sequences have up to 16, in 34 tokens; 24 pairs are longer than any."""
QUESTIONS_SEED = 1
"""Every model is asked the same questions, and none of them is seen in training, whose seeds are pairs of numbers."""
SMOOTHED = 50
"""Steps over which losses are averaged."""


@metrics.register("icl")
class InContextLearning(Metric):
    """Trains the scaled model of a spec on two tasks, for each seed, and asks it questions of both.

    Equal budgets are compared, not ceilings: a model that fails here may learn the task later.
    """

    version = 1

    def in_profile(self, spec: Spec, profile: str) -> bool:
        """The quick profile trains those that `icl.yaml` lists."""
        return profile == "full" or spec.name in _quick()

    def settings(self, spec: Spec, profile: str) -> dict[str, Any]:
        """One seed, or three."""
        return {
            "seeds": [0, 1, 2] if profile == "full" else [0],
            "recipe": asdict(Recipe()),
            "params": TARGET,
            "max_seq_len": LONGEST,
            "shots": list(SHOTS),
            "keys": list(KEYS),
            "documents": 2000,
            "loss_threshold": 1.5,
            "adaptation": {"shots": [1, 4, 16], "tasks": 12, "steps": 20, "learning_rate": 3e-3},
        }

    def measure(self, spec: Spec, settings: dict[str, Any]) -> dict[str, Any]:
        """Train, or find trained, and ask."""
        from harness.tasks.synthetic.classification import bayes_accuracy
        from harness.tasks.synthetic.vocabulary import LABELS, SIZE, VALUES
        from harness.training.matching import matched

        small = matched(spec, settings["params"], params, SIZE, settings["max_seq_len"])
        seeds = [self._seed(small, settings, seed) for seed in settings["seeds"]]
        documents = settings["documents"]
        return {
            "model": {**small.architecture, "params": params(small), "target": settings["params"]},
            "classification": {
                "shots": settings["shots"],
                "chance": 1 / len(LABELS),
                "ceiling": [bayes_accuracy(shots) for shots in settings["shots"]],
                **_over_seeds([seed["classification"] for seed in seeds], documents),
            },
            "recall": {
                "keys": settings["keys"],
                "chance": 1 / len(VALUES),
                **_over_seeds([seed["recall"] for seed in seeds], documents),
            },
            "adaptation": self._adaptation(small, settings),
            "seeds": seeds,
        }

    def _adaptation(self, small: Spec, settings: dict[str, Any]) -> list[dict[str, Any]]:
        """The same examples read in context and learnt by gradient steps, with the model of the first seed.

        A row for each number of examples and each way: mean accuracy over tasks with its standard error, and FLOPs
        and seconds of one core for all that a task asks, what is done before included.
        """
        import numpy as np

        from harness.tasks.synthetic.classification import tasks
        from harness.training.adaptation import FineTuning, cost_in_context, cost_of_fine_tuning, fine_tuned, in_context

        model = trained_on_mixture(small, Recipe(**settings["recipe"]), settings["seeds"][0], self.version).model
        how = settings["adaptation"]
        tunings = {
            name: FineTuning(how["steps"], how["learning_rate"], task_head)
            for name, task_head in (("fine-tuning", False), ("fine-tuning with a task head", True))
        }
        rows = []
        for shots in how["shots"]:
            given = tasks(np.random.default_rng(QUESTIONS_SEED), how["tasks"], shots)
            outcomes = {
                "in context": ([in_context(model, task) for task in given], cost_in_context(small, shots, flops))
            }
            for name, tuning in tunings.items():
                outcomes[name] = (
                    [fine_tuned(model, task, tuning) for task in given],
                    cost_of_fine_tuning(small, shots, tuning, flops),
                )
            for name, (adapted, cost) in outcomes.items():
                accuracies = [each.accuracy for each in adapted]
                rows.append(
                    {
                        "way": name,
                        "shots": shots,
                        "accuracy": fmean(accuracies),
                        "standard_error": stdev(accuracies) / math.sqrt(len(accuracies)),
                        "flops": cost,
                        "core_seconds": fmean(each.seconds for each in adapted),
                    }
                )
        return rows

    def _seed(self, small: Spec, settings: dict[str, Any], seed: int) -> dict[str, Any]:
        """Everything that one seed gives."""
        import numpy as np

        from harness.tasks.synthetic import classification, recall
        from harness.training.scoring import answered

        trained = trained_on_mixture(small, Recipe(**settings["recipe"]), seed, self.version)
        most, documents = max(settings["shots"]), settings["documents"]

        def fresh() -> np.random.Generator:
            return np.random.default_rng(QUESTIONS_SEED)

        classified = [classification.questions(fresh(), documents, shots, most) for shots in settings["shots"]]
        recalled = [recall.questions(fresh(), documents, keys) for keys in settings["keys"]]
        losses = trained.losses
        return {
            "seed": seed,
            "classification": [float(answered(trained.model, asked).mean()) for asked in classified],
            "recall": [float(answered(trained.model, asked).mean()) for asked in recalled],
            "losses": [fmean(losses[start : start + SMOOTHED]) for start in range(0, len(losses), SMOOTHED)],
            "smoothed_steps": SMOOTHED,
            "steps_to_threshold": steps_to(losses, settings["loss_threshold"]),
            "core_seconds": trained.seconds,
        }


def trained_on_mixture(spec: Spec, recipe: Recipe, seed: int, version: int) -> Trained:
    """The model of a spec, trained on both tasks; from the cache where this program trained it before.

    Args:
        spec: of the size that is trained.
        recipe: how.
        seed: of the first weights and of the data.
        version: of what it is trained for; another version is trained anew.
    """
    import numpy
    import torch

    from harness.training.loop import train
    from harness.training.mixture import mixture

    packages = [torch.__version__, numpy.__version__]
    decides = json.dumps([spec.hash, asdict(recipe), seed, version, packages], sort_keys=True)
    name = f"{hashlib.sha256(decides.encode()).hexdigest()[:16]}.safetensors"
    return train(spec, recipe, mixture(spec, recipe.batch_size, seed), seed, cache_folder() / "trained" / name)


def steps_to(losses: Sequence[float], threshold: float) -> int | None:
    """The first step by which the mean loss of the last 50 is at or under the threshold; None if none."""
    total = math.fsum(losses[:SMOOTHED])
    for step in range(SMOOTHED, len(losses) + 1):
        if total / SMOOTHED <= threshold:
            return step
        total += losses[step] - losses[step - SMOOTHED] if step < len(losses) else 0
    return None


def _over_seeds(accuracies: list[list[float]], documents: int) -> dict[str, Any]:
    """Means with their standard errors: over seeds, or of the documents where there is one seed."""
    columns = list(zip(*accuracies, strict=True))
    if len(accuracies) > 1:
        errors = [stdev(column) / math.sqrt(len(column)) for column in columns]
    else:
        errors = [math.sqrt(mean * (1 - mean) / documents) for (mean,) in columns]
    return {
        "accuracy": [fmean(column) for column in columns],
        "standard_error": errors,
        "standard_error_over": "seeds" if len(accuracies) > 1 else "documents",
    }


@cache
def _quick() -> frozenset[str]:
    """Names of the specs that the quick profile trains."""
    from ruamel.yaml import YAML

    listed = YAML(typ="safe", pure=True).load(Path(__file__).with_suffix(".yaml"))
    return frozenset(listed["quick"])
