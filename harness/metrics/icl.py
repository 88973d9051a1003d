"""In-context learning of small models that were trained alike: accuracy over demonstrations, and recall over pairs."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from statistics import fmean, stdev
from typing import TYPE_CHECKING, Any

from harness.metrics import Metric, metrics
from harness.metrics.flops import flops
from harness.metrics.kv_cache import kv_cache_bytes
from harness.metrics.params import params
from harness.spec.library import trained_names
from harness.spec.model import Spec
from harness.training.rates import TRIED, best, known_rate, search
from harness.training.recipe import Recipe

if TYPE_CHECKING:
    from harness.training.loop import Trained

TARGET = 150_000
"""Parameters of the models that are trained."""
STEPS = 2000
"""With four layers recall takes longer to be found out than with two."""
LONGEST = 50
"""Tokens of the longest sequence that a model is asked; what scales with the length scales with this."""
SHOTS = (1, 2, 4, 8, 16)
KEYS = (1, 2, 4, 8, 12, 16, 24)
"""Pairs to recall from. Training sequences have up to 16, in 34 tokens; 24 pairs are longer than any."""
HELD_OUT_SEED = 1_000_000
QUESTIONS_SEED = 1
"""Every model is asked the same questions, and none of them is seen in training, whose seeds are pairs of numbers."""
HELD_OUT = 20
"""Batches that nobody trains on, whose loss decides which learning rate is best."""
LONGER = (4, 8)
"""Times the usual steps."""
SMOOTHED = 50
"""Steps over which losses are averaged."""


@metrics.register("icl")
class InContextLearning(Metric):
    """Trains the scaled model of a spec on two tasks, for each seed, and asks it questions of both.

    Each architecture learns at its own best rate. Equal budgets are compared, not ceilings: a model that fails here may
    learn the task later.
    """

    version = 7
    exact = False

    def in_profile(self, spec: Spec, profile: str) -> bool:
        """The quick profile trains some that stand for the rest, the full one more."""
        return spec.name in trained_names(profile)

    def settings(self, spec: Spec, profile: str) -> dict[str, Any]:
        """How models are trained, and what they are asked.

        The full profile looks for the best learning rate, and the quick one takes what that has found. The full one
        also trains objectives that do not predict every token for more steps, with the first seed.
        """
        full = profile == "full"
        longer = full and not spec.choices.objective.predicts_all
        alike = trained_alike(profile)
        return {
            **alike,
            "seeds": [0, 1, 2, 3, 4] if full else [0],
            "rates": list(TRIED) if full else [usual_rate(spec, alike)],
            "held_out": HELD_OUT,
            "longer": [times * STEPS for times in LONGER] if longer else [],
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

        small = small_model(spec, settings, SIZE)
        tried = search(settings["rates"], lambda rate: self._held_out(small, _changed(settings, learning_rate=rate)))
        settings = _changed(settings, learning_rate=best(tried))
        seeds = [self._seed(small, settings, seed) for seed in settings["seeds"]]
        longer = [
            {"steps": steps, **self._seed(small, _changed(settings, steps=steps), settings["seeds"][0])}
            for steps in settings["longer"]
        ]
        return {
            **rates_record(tried),
            "model": {
                **small.architecture,
                "params": params(small),
                "target": settings["params"],
                "state_bytes": kv_cache_bytes(small, settings["max_seq_len"]),
            },
            "classification": {
                "shots": settings["shots"],
                "chance": 1 / len(LABELS),
                "ceiling": [bayes_accuracy(shots) for shots in settings["shots"]],
                **accuracies([seed["classification"] for seed in seeds]),
            },
            "recall": {
                "keys": settings["keys"],
                "chance": 1 / len(VALUES),
                **accuracies([seed["recall"] for seed in seeds]),
            },
            "adaptation": self._adaptation(small, settings),
            "seeds": seeds,
            "longer": longer,
        }

    def _trained(self, small: Spec, settings: dict[str, Any], seed: int) -> Trained:
        from harness.training.cached import trained_on_mixture

        return trained_on_mixture(small, Recipe(**settings["recipe"]), seed)

    def _held_out(self, small: Spec, settings: dict[str, Any]) -> float:
        """The loss of the first seed on batches that it was not trained on."""
        from harness.training.mixture import mixture
        from harness.training.scoring import held_out_loss

        recipe = settings["recipe"]
        trained = self._trained(small, settings, settings["seeds"][0])
        return held_out_loss(trained.model, mixture(small, recipe["batch_size"], HELD_OUT_SEED), settings["held_out"])

    def _adaptation(self, small: Spec, settings: dict[str, Any]) -> list[dict[str, Any]]:
        """Fine-tuning against in-context learning, with the model of the first seed."""
        from harness.training.adaptation import FineTuning, compared

        how = settings["adaptation"]
        ways = {
            "fine-tuning": FineTuning(how["steps"], how["learning_rate"], task_head=False),
            "fine-tuning with a task head": FineTuning(how["steps"], how["learning_rate"], task_head=True),
        }
        model = self._trained(small, settings, settings["seeds"][0]).model
        return [
            row for shots in how["shots"] for row in compared(model, shots, how["tasks"], ways, flops, QUESTIONS_SEED)
        ]

    def _seed(self, small: Spec, settings: dict[str, Any], seed: int) -> dict[str, Any]:
        """Everything that one seed gives."""
        import numpy as np

        from harness.tasks.synthetic import classification, recall
        from harness.training.balance import loads
        from harness.training.mixture import mixture
        from harness.training.scoring import answered

        trained = self._trained(small, settings, seed)
        most, documents = max(settings["shots"]), settings["documents"]

        def fresh() -> np.random.Generator:
            return np.random.default_rng(QUESTIONS_SEED)

        classified = [classification.questions(fresh(), documents, shots, most) for shots in settings["shots"]]
        recalled = [recall.questions(fresh(), documents, keys) for keys in settings["keys"]]
        return {
            **training_record(seed, trained),
            "classification": [float(answered(trained.model, asked).mean()) for asked in classified],
            "recall": [float(answered(trained.model, asked).mean()) for asked in recalled],
            "steps_to_threshold": steps_to(trained.losses, settings["loss_threshold"]),
            "expert_loads": loads(trained.model, mixture(small, settings["recipe"]["batch_size"], seed)(0)),
        }


def _changed(settings: dict[str, Any], **recipe: float) -> dict[str, Any]:
    """Settings with another recipe."""
    return {**settings, "recipe": {**settings["recipe"], **recipe}}


def usual_rate(spec: Spec, settings: Mapping[str, Any]) -> float:
    """The rate that was found for the small model of a spec, or that of the recipe."""
    from harness.tasks.synthetic.vocabulary import SIZE

    return known_rate(small_model(spec, settings, SIZE).hash) or Recipe().learning_rate


def trained_alike(profile: str) -> dict[str, Any]:
    """The part of the settings that says how models are trained: with one seed, or in the full profile with three."""
    return {
        "seeds": [0, 1, 2] if profile == "full" else [0],
        "recipe": asdict(Recipe(steps=STEPS)),
        "params": TARGET,
        "max_seq_len": LONGEST,
    }


def small_model(spec: Spec, settings: Mapping[str, Any], vocab_size: int) -> Spec:
    """The scaled model that is trained."""
    from harness.training.matching import standing_for

    return standing_for(spec, settings["params"], params, vocab_size, settings["max_seq_len"])


def training_record(seed: int, trained: Trained) -> dict[str, Any]:
    """What is stored of every training: its losses, smoothed, and its seconds of one core."""
    losses = trained.losses
    return {
        "seed": seed,
        "losses": [fmean(losses[start : start + SMOOTHED]) for start in range(0, len(losses), SMOOTHED)],
        "smoothed_steps": SMOOTHED,
        "core_seconds": trained.seconds,
    }


def rates_record(tried: dict[float, float]) -> dict[str, Any]:
    """The best learning rate, and the loss at each that was tried; null for one that was not finite."""
    losses = [{"rate": rate, "held_out": loss if math.isfinite(loss) else None} for rate, loss in tried.items()]
    return {"rate": best(tried), "rates": losses}


def over_seeds(points: Sequence[Sequence[float]]) -> tuple[list[float], list[float] | None]:
    """Means over seeds, and their standard errors, which one seed has none of; of a list a seed."""
    columns = list(zip(*points, strict=True))
    errors = [stdev(column) / math.sqrt(len(column)) for column in columns] if len(points) > 1 else None
    return list(map(fmean, columns)), errors


def accuracies(points: Sequence[Sequence[float]]) -> dict[str, Any]:
    """The same by name."""
    means, errors = over_seeds(points)
    return {"accuracy": means, "standard_error": errors}


def steps_to(losses: Sequence[float], threshold: float) -> int | None:
    """The first step by which the mean loss of the last 50 is at or under the threshold; None if none."""
    total = math.fsum(losses[:SMOOTHED])
    for step in range(SMOOTHED, len(losses) + 1):
        if total / SMOOTHED <= threshold:
            return step
        total += losses[step] - losses[step - SMOOTHED] if step < len(losses) else 0
    return None
