"""In-context learning where the best prediction has a closed form: of Markov chains, and of linear functions."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from harness.metrics import Metric, metrics
from harness.metrics.icl import (
    HELD_OUT,
    HELD_OUT_SEED,
    QUESTIONS_SEED,
    over_seeds,
    rates_record,
    small_model,
    trained_alike,
    training_record,
    usual_rate,
)
from harness.metrics.params import params
from harness.spec.library import trained_names
from harness.spec.model import Spec
from harness.training.rates import TRIED, best, search
from harness.training.recipe import Recipe

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from harness.tasks.synthetic import Questions
    from harness.training.loop import Trained

KNOWN = (1, 2, 4, 8, 16, 32)
"""Words of a chain that are known when the next is asked for."""
EXAMPLES = (0, 1, 2, 3, 4, 6, 8, 12)
"""Pairs of a function that are known when the next value is asked for."""

Estimate = dict[str, list[float]]
"""Of each point, the `mean` over documents and its `standard_error`."""


@metrics.register("icl_wide")
class WiderInContextLearning(Metric):
    """Trains the scaled model of a spec on each of two tasks, for each seed, and holds it against the best predictor.

    Equal budgets are compared, not ceilings. A model of another objective than that of the next word reads linear
    functions as the others do, for only text can have blanks.
    """

    version = 5
    exact = False
    needs = "the full profile, or its own name beside that of a spec"

    profiles = ("full",)

    def in_profile(self, spec: Spec, profile: str) -> bool:
        """Of the library those that the quick profile of `icl` trains."""
        return spec.name in trained_names("quick")

    def settings(self, spec: Spec, profile: str) -> dict[str, Any]:
        """How models are trained, and what they are asked."""
        alike = trained_alike(profile)
        return {
            **alike,
            "rates": list(TRIED) if profile == "full" else [usual_rate(spec, alike)],
            "held_out": HELD_OUT,
            "markov": {"states": 4, "length": 34},
            "known": list(KNOWN),
            "regression": {"dimensions": 3, "pairs": 13},
            "examples": list(EXAMPLES),
            "documents": 2000,
        }

    def measure(self, spec: Spec, settings: dict[str, Any]) -> dict[str, Any]:
        """Train, or find trained, and ask."""
        return {"markov": self._markov(spec, settings), "regression": self._regression(spec, settings)}

    def _markov(self, spec: Spec, settings: dict[str, Any]) -> dict[str, Any]:
        """Cross entropy and accuracy of the next word, by words known."""
        import numpy as np

        from harness.tasks.synthetic.markov import Chains
        from harness.tasks.synthetic.vocabulary import SIZE
        from harness.training.markov import batches, trained_on_chains
        from harness.training.scoring import held_out_loss, scored

        task = Chains(**settings["markov"])
        small = small_model(spec, settings, SIZE)
        asked = [
            task.questions(np.random.default_rng(QUESTIONS_SEED), settings["documents"], known)
            for known in settings["known"]
        ]

        def trained_at(rate: float, seed: int) -> Trained:
            return trained_on_chains(task, small, _recipe(settings, rate), seed)

        apart = batches(task, small, settings["recipe"]["batch_size"], HELD_OUT_SEED)
        tried = search(
            settings["rates"],
            lambda rate: held_out_loss(trained_at(rate, settings["seeds"][0]).model, apart, settings["held_out"]),
        )
        seeds = []
        for seed in settings["seeds"]:
            trained = trained_at(best(tried), seed)
            scores = [scored(trained.model, questions) for questions in asked]
            found = {
                "cross_entropy": _estimate([each.nats for each in scores]),
                "accuracy": _estimate([each.right for each in scores]),
            }
            seeds.append({**training_record(seed, trained), **found})
        return {
            **rates_record(tried),
            **_over_seeds(small, seeds, ["cross_entropy", "accuracy"]),
            "known": settings["known"],
            "bayes": _references(asked, [task.bayes(questions) for questions in asked]),
            "unigram": _references(asked, [task.unigram(questions) for questions in asked]),
            "chance": {"cross_entropy": math.log(task.states), "accuracy": 1 / task.states},
        }

    def _regression(self, spec: Spec, settings: dict[str, Any]) -> dict[str, Any]:
        """Squared error over the dimension, which is what always saying 0 is expected to err, by pairs known."""
        import numpy as np

        from harness.tasks.synthetic.regression import LinearFunctions, least_squares
        from harness.training.regression import batches, predicted, squared_error, trained_on_functions
        from harness.training.scoring import held_out_loss

        task = LinearFunctions(**settings["regression"])
        small = small_model(spec, settings, task.coordinates)
        points, values = task.examples(np.random.default_rng(QUESTIONS_SEED), settings["documents"])

        def error(predictions: NDArray[np.float64]) -> Estimate:
            squared = (predictions - values) ** 2 / task.dimensions
            return _estimate([squared[:, known] for known in settings["examples"]])

        def trained_at(rate: float, seed: int) -> Trained:
            return trained_on_functions(task, small, _recipe(settings, rate), seed)

        def loss_at(rate: float) -> float:
            model = trained_at(rate, settings["seeds"][0]).model
            return held_out_loss(model, apart, settings["held_out"], squared_error)

        apart = batches(task, settings["recipe"]["batch_size"], HELD_OUT_SEED)
        tried = search(settings["rates"], loss_at)
        seeds = []
        for seed in settings["seeds"]:
            trained = trained_at(best(tried), seed)
            found = {"error": error(predicted(trained.model, task, points, values))}
            seeds.append({**training_record(seed, trained), **found})
        return {
            **rates_record(tried),
            **_over_seeds(small, seeds, ["error"]),
            "examples": settings["examples"],
            "least_squares": error(least_squares(points, values))["mean"],
            "zero": error(np.zeros_like(values))["mean"],
        }


def _estimate(points: Sequence[NDArray[Any]]) -> Estimate:
    """Over documents; each of the points is an array of them."""
    return {
        "mean": [float(point.mean()) for point in points],
        "standard_error": [float(point.std(ddof=1)) / math.sqrt(len(point)) for point in points],
    }


def _recipe(settings: dict[str, Any], rate: float) -> Recipe:
    return Recipe(**{**settings["recipe"], "learning_rate": rate})


def _over_seeds(small: Spec, seeds: list[dict[str, Any]], measures: Sequence[str]) -> dict[str, Any]:
    """The model, every seed, and the mean of each measure over the seeds, whose error one seed does not tell."""
    found: dict[str, Any] = {}
    for measure in measures:
        means, errors = over_seeds([seed[measure]["mean"] for seed in seeds])
        found[measure] = {"mean": means, "standard_error": errors}
    return {"model": {**small.architecture, "params": params(small)}, **found, "seeds": seeds}


def _references(asked: Sequence[Questions], predictions: Sequence[NDArray[np.float64]]) -> dict[str, list[float]]:
    """What a predictor reaches on the same questions, from its probabilities of each next word, [documents, S]."""
    import numpy as np

    answers = [questions.answers - questions.choices.start for questions in asked]
    pairs = list(zip(predictions, answers, strict=True))
    return {
        "cross_entropy": [float(-np.log(each[np.arange(len(each)), answer]).mean()) for each, answer in pairs],
        "accuracy": [float((each.argmax(-1) == answer).mean()) for each, answer in pairs],
    }
