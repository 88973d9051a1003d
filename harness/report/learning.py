"""In-context learning as tables and figures: of small models trained alike, and of released weights."""

from __future__ import annotations

import json
import math
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import permutations
from statistics import fmean, stdev
from typing import Any

import plotly.graph_objects as go

from harness.report.architecture import block_counts, by_layer, described, differing, summary
from harness.report.frames import Model
from harness.report.measured import Section, Table, ready, rounded
from harness.report.wording import exact, short_bytes, short_flops
from harness.results import Cell

METRICS = ("icl", "icl_weights")
"""Metrics that are shown for the models that have them; nothing is missing where there is none."""
MOST_LINES = 14
"""Models that a figure shows one by one; of more, one a distinct set of choices."""
RECALLED = 16
"""Pairs to recall from in the comparison with costs: as many as are ever seen in training."""
DISTINCT = ("heads", "channels", "mlp", "norm", "residual", "position", "pattern", "head")
"""What makes choices distinct, of a summary, and beside it the options of the objective."""
RANKED = (
    ("rotary positions against none", "position", "rope", "none"),
    ("all of the context against a window", "pattern", "dense", "banded"),
)
"""Rankings that every seed is asked for: in words, and as kinds on one axis in all layers, the better one first."""
IN_CONTEXT, READ_ONCE = "in context", "in context, read once"
"""Ways to use examples that give the same answers, so that only their costs are told apart."""

Values = dict[str, Any]
Point = tuple[float, float]


def learning(models: Sequence[Model]) -> dict[str, Section]:
    """A section for each metric that has results, by its name."""
    return by_metric(models, {"icl": _trained, "icl_weights": _released})


def by_metric(models: Sequence[Model], made: dict[str, Callable[[dict[str, Model]], Section]]) -> dict[str, Section]:
    """A section for each of these metrics that has results, made of the good ones; the others are told as failed."""
    found = {}
    for metric, section_of in made.items():
        having = [model for model in models if metric in model.cells]
        good = {model.name: model for model in having if model.cells[metric].status == "ok"}
        if having:
            found[metric] = section_of(good) if good else Section()
            found[metric].failed.extend(
                f"{model.name}: {model.cells[metric].reason}" for model in having if model.name not in good
            )
    return found


def _trained(having: dict[str, Model]) -> Section:
    groups = _alike(having)
    models = {name: having[name] for name in groups}
    results = {name: model.cells["icl"].values for name, model in models.items()}
    budgets = Counter(_budget(model.cells["icl"].settings) for model in models.values())
    drawn = distinct(results)
    tables = {
        "classification": _accuracies(results, "classification", "shots"),
        "recall": _accuracies(results, "recall", "keys"),
        "training": _training(models, groups),
        "adaptation": _adaptation_table(results),
        "adaptations": _adaptation_of_each(results),
    }
    if ranked := _ranked(models):
        tables["ranked"] = ranked
    if objectives := _objectives(models):
        tables["objectives"] = objectives
    if any(len(values["seeds"]) > 1 for values in results.values()):
        tables["seeds"] = _seeds(results)
    figures = {
        "figure-learning-shots": ready(_lines(drawn, "classification", "shots", "demonstrations")),
        "figure-learning-recall": ready(_lines(drawn, "recall", "keys", "pairs to recall from")),
        "figure-learning-losses": ready(_losses(drawn)),
        "figure-learning-adaptation": ready(_adaptation_lines(results)),
    }
    for task, accuracy in (("classification", _at_most_shots), ("recall", _recalled)):
        for cost, (cost_of, title, text_of) in COSTS.items():
            points = {name: (cost_of(values), *accuracy(values)) for name, values in results.items()}
            figure = _against(points, title, text_of)
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


def counted(count: int, what: str) -> str:
    """1 seed, 3 seeds."""
    return f"{exact(count)} {what}{'' if count == 1 else 's'}"


def _budget(settings: Values) -> str:
    recipe = settings["recipe"]
    return (
        f"{counted(len(settings['seeds']), 'seed')}, "
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
        texts = dict(zip(of[axis], map(with_error, of["accuracy"], of["standard_error"]), strict=True))
        rows.append([name, f"over {of['standard_error_over']}", *(texts.get(n, "n/a") for n in ticks)])
    return Table(["model", "standard error", *map(str, ticks)], rows, words=2)


def with_error(value: float, error: float | None) -> str:
    """0.662 ± 0.011, or the value alone where nothing is known of its error."""
    return f"{value:.3f}" if error is None else f"{value:.3f} ± {error:.3f}"


def _training(models: dict[str, Model], others: dict[str, list[str]]) -> Table:
    heads = [
        "model",
        "stands also for",
        "parameters",
        "KV cache a token",
        "prefill",
        "steps to threshold",
        "core seconds",
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
                *(text_of(cost_of(cell.values)) for cost_of, _, text_of in COSTS.values()),
                ", ".join(_steps(seed, cell.settings) for seed in seeds),
                ", ".join(f"{seed['core_seconds']:.1f}" for seed in seeds),
            ]
        )
    return Table(heads, rows, words=2)


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
    """Settings but for the longer trainings that there are besides."""
    return {name: value for name, value in cell.settings.items() if name != "longer"}


def _ranked(models: dict[str, Model]) -> Table | None:
    """Recall of two models that differ in one choice, seed by seed, where a ranking of the choices is asked for."""
    rows = []
    for words, axis, better, worse in RANKED:
        for one, other, axes in _alike_but_for(models):
            pair = [models[name].cells["icl"].values for name in (one, other)]
            kinds = [{options["kind"] for options in by_layer(values["model"], axis)} for values in pair]
            if axes == [axis] and kinds == [{better}, {worse}]:
                rows.append([words, one, other, *_seed_by_seed(*map(_recalled_by_seed, pair))])
    heads = ["ranking", "model", "against", "recall by seed", "of the other", "holds in"]
    return Table(heads, rows, words=3) if rows else None


def _recalled_by_seed(values: Values) -> list[float]:
    return [dict(_pairs(values, seed, "recall", "keys"))[RECALLED] for seed in values["seeds"]]


def _seed_by_seed(better: Sequence[float], worse: Sequence[float]) -> list[str]:
    """Both accuracies of every seed, and in how many the better one is higher."""
    holds = [high > low for high, low in zip(better, worse, strict=True)]
    texts = [", ".join(f"{accuracy:.3f}" for accuracy in each) for each in (better, worse)]
    return [*texts, f"{'all' if all(holds) else f'{sum(holds)} of'} {counted(len(holds), 'seed')}"]


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
    """The accuracies of one seed, as those over all seeds are stored, with standard errors over the questions."""
    documents = cell.settings["documents"]
    return {
        task: {
            **cell.values[task],
            "accuracy": seed[task],
            "standard_error": [math.sqrt(mean * (1 - mean) / documents) for mean in seed[task]],
        }
        for task in ("classification", "recall")
    }


def _losses(results: dict[str, Values]) -> go.Figure:
    """The smoothed loss of training over its steps, mean over the seeds: a line a model."""
    figure = go.Figure()
    for name, values in results.items():
        seeds = values["seeds"]
        losses = [fmean(of) for of in zip(*(seed["losses"] for seed in seeds), strict=True)]
        steps = [seeds[0]["smoothed_steps"] * (index + 1) for index in range(len(losses))]
        figure.add_scatter(x=steps, y=list(map(rounded, losses)), name=name, hovertemplate="%{y:.3f} by step %{x}")
    figure.update_xaxes(title="steps")
    figure.update_yaxes(title="loss, nats", rangemode="tozero")
    return figure


def _lines(results: dict[str, Values], task: str, axis: str, title: str) -> go.Figure:
    """A line a model with its standard errors; chance, and the ceiling where one is known, as references."""
    figure = go.Figure()
    for name, values in results.items():
        of = values[task]
        draw_line(figure, name, of[axis], of["accuracy"], of["standard_error"])
    longest = max((values[task] for values in results.values()), key=lambda of: len(of[axis]))
    ticks = list(map(str, longest[axis]))
    draw_reference(figure, "chance", ticks, [longest["chance"]] * len(ticks))
    if "ceiling" in longest:
        draw_reference(figure, "Bayes ceiling", ticks, longest["ceiling"])
    return spaced(figure, _union(results, task, axis), title)


def draw_line(
    figure: go.Figure, name: str, x: Sequence[int], y: Sequence[float], errors: Sequence[float | None]
) -> None:
    """A model, or a way, with its standard errors."""
    figure.add_scatter(
        x=list(map(str, x)),
        y=list(map(rounded, y)),
        error_y={
            "type": "data",
            "array": [error if error is None else rounded(error) for error in errors],
            "thickness": 1,
            "width": 2,
        },
        name=name,
        hovertemplate="%{y:.3f} with %{x}",
    )


def draw_reference(figure: go.Figure, name: str, x: Sequence[Any], y: Sequence[float], shape: str = "linear") -> None:
    """A line that is no result, drawn dotted in a quiet colour."""
    figure.add_scatter(
        x=list(x),
        y=list(map(rounded, y)),
        line={"shape": shape},
        name=name,
        meta={"reference": True},
        hovertemplate="%{y:.3f}",
    )


def spaced(
    figure: go.Figure,
    ticks: Sequence[int],
    title: str,
    measure: str = "accuracy",
    bounds: tuple[float, float] | None = (0, 1.03),
) -> go.Figure:
    """A measure over a few numbers, equally spaced."""
    figure.update_xaxes(type="category", title=title, categoryorder="array", categoryarray=list(map(str, ticks)))
    figure.update_yaxes(title=measure, range=bounds)
    return figure


def _adapted(results: dict[str, Values]) -> dict[tuple[str, int], list[Values]]:
    """The rows of all models, by way and number of examples; both ways to read them come first."""
    found: dict[tuple[str, int], list[Values]] = {}
    for values in results.values():
        for row in values["adaptation"]:
            found.setdefault((row["way"], row["shots"]), []).append(row)
    order = sorted(found, key=lambda key: (key[1], key[0] != IN_CONTEXT, key[0] != READ_ONCE))
    return {key: found[key] for key in order}


def mean_over_models(rows: Sequence[Values]) -> tuple[float, float | None]:
    """Mean accuracy with its standard error: over models, or over tasks where there is one model."""
    accuracies = [row["accuracy"] for row in rows]
    error = stdev(accuracies) / math.sqrt(len(rows)) if len(rows) > 1 else rows[0]["standard_error"]
    return fmean(accuracies), error


def _adaptation_lines(results: dict[str, Values]) -> go.Figure:
    adapted = _adapted(results)
    figure = go.Figure()
    for way in dict.fromkeys(way for way, _ in adapted if way != READ_ONCE):
        shots = sorted(n for name, n in adapted if name == way)
        means = [mean_over_models(adapted[way, n]) for n in shots]
        draw_line(figure, way, shots, [mean for mean, _ in means], [error for _, error in means])
    ticks = sorted({shots for _, shots in adapted})
    chance = next(iter(results.values()))["classification"]["chance"]
    draw_reference(figure, "chance", list(map(str, ticks)), [chance] * len(ticks))
    return spaced(figure, ticks, "examples of the task")


def _adaptation_table(results: dict[str, Values]) -> Table:
    rows = [
        [
            way,
            str(shots),
            "the same"
            if way == READ_ONCE
            else with_error(*mean_over_models(of)),  # of fewer models, the mean is another
            _in_flops(round(fmean(row["flops"] for row in of))),
            f"{fmean(row['core_seconds'] for row in of):.2g}",
            str(len(of)),
        ]
        for (way, shots), of in _adapted(results).items()
    ]
    return Table(["way", "examples", "accuracy", "FLOPs a task", "core seconds a task", "models"], rows)


def _adaptation_of_each(results: dict[str, Values]) -> Table:
    """Accuracies of every model, with standard errors over tasks."""
    columns = [column for column in _adapted(results) if column[0] != READ_ONCE]
    rows = []
    for name, values in results.items():
        of = {(row["way"], row["shots"]): row for row in values["adaptation"]}
        found = [of.get(column) for column in columns]
        texts = [with_error(row["accuracy"], row["standard_error"]) if row else "n/a" for row in found]
        rows.append([name, *texts])
    return Table(["model", *(f"{way}, {shots}" for way, shots in columns)], rows)


def cache_bytes(values: Values) -> int:
    """Bytes that one more token adds to the fp16 cache of the scaled model, as long as every layer keeps it."""
    architecture = values["model"]
    heads = architecture["heads"]
    scalars = sum(
        2 * count * heads[block]["key_value"] * heads[block]["channels"]
        for block, count in block_counts(architecture).items()
    )
    return int(2 * scalars)


def prefill_flops(values: Values) -> int:
    """FLOPs of all prompts of a task of the scaled model, with the most examples, as stored beside fine-tuning."""
    rows = [row for row in values["adaptation"] if row["way"] == IN_CONTEXT]
    return int(max(rows, key=lambda row: row["shots"])["flops"])


def _in_flops(count: int) -> str:
    return f"{short_flops(count)}FLOPs"


COSTS: dict[str, tuple[Callable[[Values], int], str, Callable[[int], str]]] = {
    "cache": (cache_bytes, "bytes of cache a token, fp16, scaled model", short_bytes),
    "prefill": (prefill_flops, "prefill FLOPs of a task, scaled model", _in_flops),
}
"""What accuracy is held against: how it is counted, the title of its axis, and its wording."""


def _at_most_shots(values: Values) -> Point:
    of = values["classification"]
    most = of["shots"].index(max(of["shots"]))
    return of["accuracy"][most], of["standard_error"][most]


def _recalled(values: Values) -> Point:
    of = values["recall"]
    at = of["keys"].index(RECALLED)
    return of["accuracy"][at], of["standard_error"][at]


def frontier(points: Iterable[Point]) -> list[Point]:
    """Those points of (cost, accuracy) than which no other is as cheap and more accurate, by cost."""
    best: list[Point] = []
    for cost, accuracy in sorted(points, key=lambda point: (point[0], -point[1])):
        if not best or accuracy > best[-1][1]:
            best.append((cost, accuracy))
    return best


def _against(points: dict[str, tuple[int, float, float]], title: str, text_of: Callable[[int], str]) -> go.Figure:
    """A dot a model, accuracy over a cost, and the Pareto frontier."""
    figure = go.Figure()
    for name, (cost, accuracy, error) in points.items():
        figure.add_scatter(
            x=[cost],
            y=[rounded(accuracy)],
            error_y={"type": "data", "array": [rounded(error)], "thickness": 1, "width": 2},
            name=name,
            customdata=[text_of(cost)],
            hovertemplate="%{y:.3f} at %{customdata}",
            meta={"model": name},
        )
    best = frontier((cost, accuracy) for cost, accuracy, _ in points.values())
    draw_reference(figure, "Pareto frontier", [cost for cost, _ in best], [accuracy for _, accuracy in best], "hv")
    figure.update_xaxes(title=title, tickformat="~s")
    figure.update_yaxes(title="accuracy", range=[0, 1.12])
    return figure


def _released(models: dict[str, Model]) -> Section:
    results = {name: model.cells["icl_weights"].values for name, model in models.items()}
    shots = sorted({row["shots"] for values in results.values() for row in values["means"]})
    figure = go.Figure()
    accuracies, costs = [], []
    for name, values in results.items():
        means = {row["shots"]: row for row in values["means"]}
        errors = [row["deviation"] for row in means.values()]
        draw_line(figure, name, list(means), [row["accuracy"] for row in means.values()], errors)
        by_task: dict[str, dict[int, Values]] = {}
        for row in values["tasks"]:
            by_task.setdefault(row["task"], {})[row["shots"]] = row
        for task, rows in by_task.items():
            chance = next(iter(rows.values()))["chance"]
            accuracies.append([name, task, f"{chance:.3f}" if chance else "none", *_by_shots(rows, shots)])
        accuracies.append([name, "mean over tasks", "", *_by_shots(means, shots)])
        for cost in values["costs"]:
            tokens = [exact(cost[which]) for which in ("requested", "computed")]
            costs.append([name, str(cost["shots"]), str(cost["seed"]), *tokens, f"{cost['seconds']:.1f}"])
    chances = {row["task"]: row["chance"] for values in results.values() for row in values["tasks"]}
    draw_reference(figure, "chance", list(map(str, shots)), [fmean(chances.values())] * len(shots))
    made_with = Counter(
        f"{', '.join(map(str, settings['shots']))} demonstrations, "
        f"{counted(len(settings['seeds']), 'draw')} of them, up to {exact(settings['questions'])} questions a task"
        for settings in (model.cells["icl_weights"].settings for model in models.values())
    )
    return Section(
        tables={
            "accuracy": Table(["model", "task", "chance", *(f"{n} shots" for n in shots)], accuracies, words=2),
            "cost": Table(["model", "shots", "draw", "tokens requested", "tokens computed", "seconds"], costs),
        },
        figures={"figure-learning-weights": ready(spaced(figure, shots, "demonstrations"))},
        made_with=[f"{counted(count, 'model')}: {words}" for words, count in made_with.items()],
    )


def _by_shots(rows: dict[int, Values], shots: Sequence[int]) -> list[str]:
    return [with_error(rows[n]["accuracy"], rows[n]["deviation"]) if n in rows else "n/a" for n in shots]
