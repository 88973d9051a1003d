"""Zero-, one- and few-shot accuracy of released weights on small real tasks, through lm-eval."""

from __future__ import annotations

import time
from dataclasses import asdict, astuple
from itertools import groupby
from statistics import mean, stdev
from typing import Any

from harness.errors import HarnessError
from harness.metrics import Metric, metrics
from harness.metrics.params import params
from harness.spec.model import Spec

TASKS = (
    "capital",
    "colour",
    "date_format",
    "french",
    "intent",
    "past_tense",
    "plural",
    "reversed_list",
    "word_polarity",
)


@metrics.register("icl_weights")
class WeightsInContext(Metric):
    """Accuracy over the number of demonstrations, for several choices of them, which is where most of the noise is."""

    version = 1
    exact = False
    on_request = True
    needs = "a spec that names its weights, or --checkpoint"

    def applies(self, spec: Spec) -> bool:
        """Where the spec says where its weights lie."""
        return spec.weights is not None

    def held_bytes(self, spec: Spec) -> int:
        """All parameters in float32."""
        return 4 * params(spec)

    def settings(self, spec: Spec, profile: str) -> dict[str, Any]:
        """Tasks, numbers of demonstrations, seeds that choose them, and how many questions of each task."""
        from harness.evaluation.weights import fingerprint

        assert spec.weights is not None
        state = fingerprint(spec.weights)
        return {"tasks": list(TASKS), "shots": [0, 1, 5], "seeds": [0, 1, 2], "questions": 90, "weights": state}

    def measure(self, spec: Spec, settings: dict[str, Any]) -> dict[str, Any]:
        """Every task with every number of demonstrations, and, where there are any, with those of every seed."""
        from harness.evaluation.lm import HarnessLM
        from harness.evaluation.run import evaluate
        from harness.evaluation.weights import weights_path

        lm = HarnessLM(checkpoint=str(weights_path(spec)))
        if lm.model.spec.hash != spec.hash:
            raise HarnessError(f"{spec.name}: its weights are those of another architecture")
        runs, costs = [], []
        for shots in settings["shots"]:
            for seed in settings["seeds"] if shots else settings["seeds"][:1]:
                before, started = astuple(lm.count), time.perf_counter()
                outcomes = evaluate(lm, settings["tasks"], num_fewshot=shots, limit=settings["questions"], seed=seed)
                runs += [{"shots": shots, "seed": seed, **_plain(asdict(outcome))} for outcome in outcomes]
                tokens = [after - each for after, each in zip(astuple(lm.count), before, strict=True)]
                cost = dict(zip(("requested", "computed", "padding"), tokens, strict=True))
                costs.append({"shots": shots, "seed": seed, **cost, "seconds": time.perf_counter() - started})
        return {"runs": runs, "tasks": _over_seeds(runs), "means": _over_tasks(runs), "costs": costs}


def _plain(outcome: dict[str, Any]) -> dict[str, Any]:
    """An outcome with one digit a question: 1 where it was answered right."""
    outcome.pop("figures")
    return {**outcome, "correct": "".join(str(int(right)) for right in outcome["correct"])}


def _over_seeds(runs: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Mean and standard deviation over the seeds, for each task and number of demonstrations."""
    keys = ("task", "chance", "shots")
    ordered = sorted(runs, key=lambda run: (run["task"], run["shots"]))
    groups = groupby(ordered, key=lambda run: [run[key] for key in keys])
    return [dict(zip(keys, key, strict=True)) | _spread([run["accuracy"] for run in group]) for key, group in groups]


def _over_tasks(runs: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Mean over the tasks, and the deviation of that mean over the seeds, for each number of demonstrations."""
    sums: dict[int, dict[int, list[float]]] = {}
    for run in runs:
        sums.setdefault(run["shots"], {}).setdefault(run["seed"], []).append(run["accuracy"])
    return [{"shots": shots, **_spread(list(map(mean, seeds.values())))} for shots, seeds in sums.items()]


def _spread(values: list[float]) -> dict[str, Any]:
    """Mean, and the deviation of a single value; None where there is but one."""
    return {"accuracy": mean(values), "deviation": stdev(values) if len(values) > 1 else None, "seeds": len(values)}
