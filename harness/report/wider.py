"""In-context learning of Markov chains and linear functions in tables and figures, beside the best predictors."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

import plotly.graph_objects as go

from harness.report.frames import Model
from harness.report.learning import (
    Values,
    by_metric,
    counted,
    distinct,
    draw_line,
    draw_reference,
    spaced,
    with_error,
)
from harness.report.measured import Section, Table, ready
from harness.report.wording import exact

METRICS = ("icl_wide",)
"""Metrics that are shown for the models that have them; nothing is missing where there is none."""
PREDICTORS = {"bayes": "Bayes", "unigram": "unigram", "chance": "chance"}
"""What models are held against on Markov chains."""


def wider(models: Sequence[Model]) -> dict[str, Section]:
    """The section, by the name of its metric, where there are results."""
    return by_metric(models, {"icl_wide": _section})


def _section(models: dict[str, Model]) -> Section:
    cells = {name: model.cells["icl_wide"] for name, model in models.items()}
    chains = {name: cell.values["markov"] for name, cell in cells.items()}
    functions = {name: cell.values["regression"] for name, cell in cells.items()}
    drawn_chains, drawn_functions = distinct(chains), distinct(functions)
    budgets = Counter(_budget(cell.settings) for cell in cells.values())
    made_with = [f"{counted(count, 'model')}: {budget}" for budget, count in budgets.items()]
    if len(drawn_chains) < len(cells):
        made_with.append(f"Lines are of {len(drawn_chains)} of {len(cells)} models")
    return Section(
        tables={
            "cross_entropy": _chains(chains, "cross_entropy"),
            "accuracy": _chains(chains, "accuracy"),
            "error": _functions(functions),
            "training": _training(chains, functions),
        },
        figures={
            "figure-wider-markov": ready(_chain_lines(drawn_chains)),
            "figure-wider-regression": ready(_function_lines(drawn_functions)),
        },
        made_with=made_with,
    )


def _budget(settings: Values) -> str:
    recipe, chains, functions = settings["recipe"], settings["markov"], settings["regression"]
    return (
        f"{counted(len(settings['seeds']), 'seed')}, "
        f"{exact(recipe['steps'])} steps of {recipe['batch_size']} sequences for each task, "
        f"about {exact(settings['params'])} parameters, {exact(settings['documents'])} questions; "
        f"chains of {chains['states']} words, {chains['length']} of them a sequence; "
        f"functions of {functions['dimensions']} dimensions, {functions['pairs']} pairs a sequence"
    )


def _longest(results: dict[str, Values], axis: str) -> Values:
    """The result with the most points, whose references are shown."""
    return max(results.values(), key=lambda values: len(values[axis]))


def _ticks(results: dict[str, Values], axis: str) -> list[int]:
    return sorted({n for values in results.values() for n in values[axis]})


def _rows(results: dict[str, Values], axis: str, measure: str) -> list[list[str]]:
    """A row a model, a column a number of known words or pairs, with standard errors."""
    rows = []
    for name, values in results.items():
        of = values[measure]
        texts = dict(zip(values[axis], map(with_error, of["mean"], of["standard_error"]), strict=True))
        row = [texts.get(n, "n/a") for n in _ticks(results, axis)]
        rows.append([name, f"over {values['standard_error_over']}", *row])
    return rows


def _reference_row(name: str, ticks: Sequence[int], at: Sequence[int], points: Sequence[float]) -> list[str]:
    texts = dict(zip(at, points, strict=True))
    return [name, "", *(with_error(texts[n], None) if n in texts else "n/a" for n in ticks)]


def _predictors(values: Values, measure: str) -> dict[str, list[float]]:
    """What each predictor of chains reaches, by its name."""
    points = {name: values[key][measure] for key, name in PREDICTORS.items()}
    return points | {"chance": [points["chance"]] * len(values["known"])}


def _best(values: Values) -> dict[str, list[float]]:
    """What the predictors of linear functions reach, by name."""
    return {"least squares": values["least_squares"], "zero": values["zero"]}


def _chains(results: dict[str, Values], measure: str) -> Table:
    ticks, longest = _ticks(results, "known"), _longest(results, "known")
    rows = [_reference_row(name, ticks, longest["known"], of) for name, of in _predictors(longest, measure).items()]
    heads = ["model", "standard error", *map(str, ticks)]
    return Table(heads, _rows(results, "known", measure) + rows, words=2)


def _functions(results: dict[str, Values]) -> Table:
    ticks, longest = _ticks(results, "examples"), _longest(results, "examples")
    rows = [_reference_row(name, ticks, longest["examples"], of) for name, of in _best(longest).items()]
    heads = ["model", "standard error", *map(str, ticks)]
    return Table(heads, _rows(results, "examples", "error") + rows, words=2)


def _training(chains: dict[str, Values], functions: dict[str, Values]) -> Table:
    """Of every seed: what it reached with all words or pairs known, and how long it took."""
    heads = ["model", "seed", "parameters", "cross entropy", "core seconds"]
    heads += ["parameters, functions", "error", "core seconds"]
    rows = []
    for name in chains:
        for chain, function in zip(chains[name]["seeds"], functions[name]["seeds"], strict=True):
            row = [name, str(chain["seed"])]
            for of, seed, measure in ((chains, chain, "cross_entropy"), (functions, function, "error")):
                size = exact(of[name]["model"]["params"])
                row += [size, f"{seed[measure]['mean'][-1]:.3f}", f"{seed['core_seconds']:.1f}"]
            rows.append(row)
    return Table(heads, rows)


def _chain_lines(results: dict[str, Values]) -> go.Figure:
    """Cross entropy over the words known, between the best predictor's and the unigrams'."""
    figure = _lines(results, "known", "cross_entropy")
    longest = _longest(results, "known")
    for name, points in _predictors(longest, "cross_entropy").items():
        draw_reference(figure, name, list(map(str, longest["known"])), points)
    return spaced(figure, _ticks(results, "known"), "words known", "cross entropy, nats", None)


def _function_lines(results: dict[str, Values]) -> go.Figure:
    """Error over the pairs known, between least squares and always saying 0."""
    figure = _lines(results, "examples", "error")
    longest = _longest(results, "examples")
    for name, points in _best(longest).items():
        draw_reference(figure, name, list(map(str, longest["examples"])), points)
    return spaced(figure, _ticks(results, "examples"), "pairs known", "squared error over that of saying 0", None)


def _lines(results: dict[str, Values], axis: str, measure: str) -> go.Figure:
    figure = go.Figure()
    for name, values in results.items():
        draw_line(figure, name, values[axis], values[measure]["mean"], values[measure]["standard_error"])
    return figure
