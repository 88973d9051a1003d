"""In-context learning of small models that were trained alike, as tables and figures."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from itertools import permutations
from statistics import fmean
from typing import Any

import plotly.graph_objects as go

from harness.cells import Cell
from harness.intervals import paired
from harness.report.architecture import by_layer, described, differing, summary
from harness.report.frames import Model
from harness.report.sections import Section, Table, Values, adaptation, ready, rounded
from harness.report.sections.frontier import COSTS, against
from harness.report.sections.lines import draw_line, draw_reference, spaced
from harness.report.wording import counted, exact, with_error, with_errors

MOST_LINES = 14
"""Models that a figure shows one by one; of more, one a distinct set of choices."""
RECALLED = 16
"""Pairs to recall from in the comparison with costs: as many as are ever seen in training."""
DISTINCT = ("heads", "attention", "channels", "mlp", "experts", "norm", "residual", "position", "pattern", "head")
"""What makes choices distinct, of a summary, and beside it the options of the objective."""
RANKED = (
    ("rotary positions against none", "position", "rope", "none"),
    ("all of the context against a window", "pattern", "dense", "banded"),
)
"""Rankings that every seed is asked for: in words, and as kinds on one axis in all layers, the better one first."""


def trained(having: dict[str, Model]) -> Section:
    """One line for models that are the same once they are scaled."""
    groups = _alike(having)
    models = {name: having[name] for name in groups}
    results = {name: model.cells["icl"].values for name, model in models.items()}
    budgets = Counter(_budget(model.cells["icl"].settings) for model in models.values())
    drawn = distinct(results)
    tables = {
        "classification": _accuracies(results, "classification", "shots"),
        "recall": _accuracies(results, "recall", "keys"),
        "training": _training(models, groups),
        "rates": _rates(results),
        "adaptation": adaptation.table(results),
        "adaptations": adaptation.table_of_each(results),
    }
    if ranked := _ranked(models):
        tables["ranked"] = ranked
    if objectives := _objectives(models):
        tables["objectives"] = objectives
    if any(len(values["seeds"]) > 1 for values in results.values()):
        tables["seeds"] = _seeds(results)
    figures = {
        "figure-learning-shots": ready(_lines(drawn, groups, "classification", "shots", "demonstrations"), "learned"),
        "figure-learning-recall": ready(_lines(drawn, groups, "recall", "keys", "pairs to recall from"), "learned"),
        "figure-learning-losses": ready(_losses(drawn, groups), "learned"),
        "figure-learning-adaptation": ready(adaptation.lines(results)),
    }
    for task, accuracy in (("classification", _at_most_shots), ("recall", _recalled)):
        for cost, (cost_of, title, text_of) in COSTS.items():
            points = {name: (cost_of(values), *accuracy(values)) for name, values in results.items()}
            figure = against(points, title, text_of)
            figures[f"figure-learning-{task}-{cost}"] = ready(figure)
    made_with = [f"{counted(count, 'model')}: {budget}" for budget, count in budgets.items()]
    if len(drawn) < len(results):
        made_with.append(f"Lines over demonstrations and pairs are of {len(drawn)} of {len(results)} models")
    return Section(tables=tables, figures=figures, made_with=made_with)


def _alike(models: dict[str, Model]) -> dict[str, list[str]]:
    """The first of the models that are the same once they are scaled, and how the others are called."""
    groups: dict[str, list[str]] = {}
    for name, model in models.items():
        cell = model.cells["icl"]
        groups.setdefault(json.dumps([cell.values["model"], cell.settings], sort_keys=True), []).append(name)
    return {names[0]: names[1:] for names in groups.values()}


def _budget(settings: Values) -> str:
    recipe = settings["recipe"]
    rates = len(settings["rates"])
    return (
        f"{counted(len(settings['seeds']), 'seed')}, "
        f"each at the best of {rates} learning rates or more, "
        f"{exact(recipe['steps'])} steps of {recipe['batch_size']} sequences, "
        f"about {exact(settings['params'])} parameters, {exact(settings['documents'])} questions for each point"
    )


def distinct(results: dict[str, Values]) -> dict[str, Values]:
    """The results that figures show: all, or, of too many, the first of each distinct set of choices."""
    if len(results) <= MOST_LINES:
        return results
    firsts: dict[tuple[Any, ...], str] = {}
    for name, values in results.items():
        choices = summary(values["model"])
        objective = described(values["model"]["choices"]["objective"])
        firsts.setdefault((objective, *(choices[column] for column in DISTINCT)), name)
    return {name: results[name] for name in firsts.values()}


def _union(results: dict[str, Values], task: str, axis: str) -> list[int]:
    """Every number of demonstrations or pairs that occurs."""
    return sorted({n for values in results.values() for n in values[task][axis]})


def _accuracies(results: dict[str, Values], task: str, axis: str) -> Table:
    ticks = _union(results, task, axis)
    rows = []
    for name, values in results.items():
        of = values[task]
        texts = dict(zip(of[axis], with_errors(of["accuracy"], of["standard_error"]), strict=True))
        rows.append([name, of_seeds(values["seeds"]), *(texts.get(n, "n/a") for n in ticks)])
    return Table(["model", "mean of", *map(str, ticks)], rows, words=2)


def of_seeds(seeds: Sequence[Values]) -> str:
    """What a mean is of, in words."""
    return "one seed only" if len(seeds) == 1 else counted(len(seeds), "seed")


def _rates(results: dict[str, Values]) -> Table:
    """The loss of the first seed on held-out sequences at every learning rate that was tried."""
    rates = sorted({tried["rate"] for values in results.values() for tried in values["rates"]})
    rows = []
    for name, values in results.items():
        texts = {
            tried["rate"]: "diverged" if tried["held_out"] is None else f"{tried['held_out']:.3f}"
            for tried in values["rates"]
        }
        rows.append([name, f"{values['rate']:g}", *(texts.get(rate, "") for rate in rates)])
    return Table(["model", "best", *(f"{rate:g}" for rate in rates)], rows)


def _training(models: dict[str, Model], others: dict[str, list[str]]) -> Table:
    heads = [
        "model",
        "stands also for",
        "parameters",
        "rate",
        "kept of the longest sequence",
        "prefill",
        "steps to threshold",
        "core seconds",
        "busiest expert",
    ]
    rows = []
    for name, model in models.items():
        cell = model.cells["icl"]
        seeds = cell.values["seeds"]
        rows.append(
            [
                name,
                ", ".join(others[name]),
                exact(cell.values["model"]["params"]),
                f"{cell.values['rate']:g}",
                *(text_of(cost_of(cell.values)) for cost_of, _, text_of in COSTS.values()),
                ", ".join(_steps(seed, cell.settings) for seed in seeds),
                ", ".join(f"{seed['core_seconds']:.1f}" for seed in seeds),
                ", ".join(map(_busiest, seeds)),
            ]
        )
    return Table(heads, rows, words=2)


def _busiest(seed: Values) -> str:
    """The most that one expert gets in any layer, times its even share; a dash without experts."""
    loads = seed["expert_loads"]
    return f"{max(max(load) * len(load) for load in loads):.1f}" if loads else "-"


def _steps(seed: Values, settings: Values) -> str:
    steps = seed["steps_to_threshold"]
    return f"over {exact(settings['recipe']['steps'])}" if steps is None else exact(steps)


def _seeds(results: dict[str, Values]) -> Table:
    columns = [("classification", n) for n in _union(results, "classification", "shots")]
    columns += [("recall", n) for n in _union(results, "recall", "keys")]
    rows = []
    for name, values in results.items():
        for seed in values["seeds"]:
            found = {("classification", n): a for n, a in _pairs(values, seed, "classification", "shots")}
            found |= {("recall", n): a for n, a in _pairs(values, seed, "recall", "keys")}
            texts = [f"{found[column]:.3f}" if column in found else "n/a" for column in columns]
            rows.append([name, str(seed["seed"]), *texts])
    words = {"classification": "shots", "recall": "pairs"}
    return Table(["model", "seed", *(f"{n} {words[task]}" for task, n in columns)], rows)


def _pairs(values: Values, seed: Values, task: str, axis: str) -> Iterable[tuple[int, float]]:
    return zip(values[task][axis], seed[task], strict=True)


def _alike_but_for(models: dict[str, Model]) -> Iterator[tuple[str, str, list[str]]]:
    """Every two models that were trained alike, both ways round, and the axes on which they differ."""
    for one, other in permutations(models, 2):
        cells = [models[name].cells["icl"] for name in (one, other)]
        if _alike_settings(cells[0]) == _alike_settings(cells[1]):
            yield one, other, differing(*(cell.values["model"] for cell in cells))


def _alike_settings(cell: Cell) -> Values:
    """Settings but for the longer trainings that there are besides, and the rates, of which each has its best."""
    return {name: value for name, value in cell.settings.items() if name not in ("longer", "rates")}


def _ranked(models: dict[str, Model]) -> Table | None:
    """Recall of two models that differ in one choice, seed by seed, where a ranking of the choices is asked for."""
    rows = []
    for words, axis, better, worse in RANKED:
        for one, other, axes in _alike_but_for(models):
            pair = [models[name].cells["icl"].values for name in (one, other)]
            kinds = [{options["kind"] for options in by_layer(values["model"], axis)} for values in pair]
            if axes == [axis] and kinds == [{better}, {worse}]:
                rows.append([words, one, other, *_seed_by_seed(*map(_recalled_by_seed, pair))])
    heads = ["ranking", "model", "against", "recall by seed", "of the other", "difference (99 %)", "holds in"]
    return Table(heads, rows, words=3) if rows else None


def _recalled_by_seed(values: Values) -> list[float]:
    return [dict(_pairs(values, seed, "recall", "keys"))[RECALLED] for seed in values["seeds"]]


def _seed_by_seed(better: Sequence[float], worse: Sequence[float]) -> list[str]:
    """Both accuracies of every seed, their difference, and in how many seeds the better one is higher.

    What all seeds agree in they would agree in by chance, one way or the other, in 2 of 2^n cases.
    """
    texts = [", ".join(f"{accuracy:.3f}" for accuracy in each) for each in (better, worse)]
    holds, seeds = sum(high > low for high, low in zip(better, worse, strict=True)), len(better)
    if seeds == 1:
        return [*texts, f"{better[0] - worse[0]:.3f}", "one seed only" if holds else "not in its one seed"]
    found = paired(better, worse)
    agreed = f"all {seeds} seeds; by chance 1 in {2 ** (seeds - 1)}" if holds == seeds else f"{holds} of {seeds} seeds"
    return [*texts, f"{found.mid:.3f} ({found.low:.3f} to {found.high:.3f})", agreed]


def _objectives(models: dict[str, Model]) -> Table | None:
    """Models that differ in nothing but the objective, under each other."""
    groups: dict[str, list[str]] = {}
    for one, other, axes in _alike_but_for(models):
        if axes == ["objective"]:
            groups.setdefault(one, [one]).append(other)
    rows = []
    for group in sorted({tuple(sorted(group)) for group in groups.values()}):
        for name in group:
            cell = models[name].cells["icl"]
            objective = described(cell.values["model"]["choices"]["objective"])
            points = [with_error(*accuracy(cell.values)) for accuracy in (_at_most_shots, _recalled)]
            rows.append([name, objective, exact(cell.settings["recipe"]["steps"]), *points])
            for longer in cell.values["longer"]:
                points = [with_error(*accuracy(_of_one(cell, longer))) for accuracy in (_at_most_shots, _recalled)]
                rows.append([name, objective, exact(longer["steps"]), *points])
    heads = ["model", "objective", "steps", "classification, most demonstrations", f"recall of {RECALLED}"]
    return Table(heads, rows, words=2) if rows else None


def _of_one(cell: Cell, seed: Values) -> Values:
    """The accuracies of one seed, as those over all seeds are stored."""
    tasks = ("classification", "recall")
    return {task: {**cell.values[task], "accuracy": seed[task], "standard_error": None} for task in tasks}


def _losses(results: dict[str, Values], alike: dict[str, list[str]]) -> go.Figure:
    """The smoothed loss of training over its steps, mean over the seeds: a line a model."""
    figure = go.Figure()
    for name, values in results.items():
        seeds = values["seeds"]
        losses = [fmean(of) for of in zip(*(seed["losses"] for seed in seeds), strict=True)]
        steps = [seeds[0]["smoothed_steps"] * (index + 1) for index in range(len(losses))]
        figure.add_scatter(
            x=steps,
            y=list(map(rounded, losses)),
            name=name,
            meta={"model": name, "also": alike[name]},
            hovertemplate="%{y:.3f} by step %{x}",
        )
    figure.update_xaxes(title="steps")
    figure.update_yaxes(title="loss, nats", rangemode="tozero")
    return figure


def _lines(results: dict[str, Values], alike: dict[str, list[str]], task: str, axis: str, title: str) -> go.Figure:
    """A line a model with its standard errors; chance, and the ceiling where one is known, as references."""
    figure = go.Figure()
    for name, values in results.items():
        of = values[task]
        draw_line(figure, name, of[axis], of["accuracy"], of["standard_error"], alike[name])
    longest = max((values[task] for values in results.values()), key=lambda of: len(of[axis]))
    ticks = list(map(str, longest[axis]))
    draw_reference(figure, "chance", ticks, [longest["chance"]] * len(ticks))
    if "ceiling" in longest:
        draw_reference(figure, "Bayes ceiling", ticks, longest["ceiling"])
    return spaced(figure, _union(results, task, axis), title)


def _at_most_shots(values: Values) -> tuple[float, float | None]:
    of = values["classification"]
    return _point(of, of["shots"].index(max(of["shots"])))


def _recalled(values: Values) -> tuple[float, float | None]:
    of = values["recall"]
    return _point(of, of["keys"].index(RECALLED))


def _point(of: Values, at: int) -> tuple[float, float | None]:
    return of["accuracy"][at], of["standard_error"][at] if of["standard_error"] else None
