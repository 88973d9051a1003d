"""In-context learning of Markov chains and linear functions in tables and figures, beside the best predictors."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import plotly.graph_objects as go

from harness.report.frames import Model
from harness.report.sections import Section, Table, Values, ready
from harness.report.sections.lines import draw_line, draw_reference, spaced
from harness.report.sections.trained import distinct, of_seeds
from harness.report.wording import counted, exact, with_errors


def wider(models: dict[str, Model]) -> Section:
    """Every model beside the best predictors, on both tasks."""
    cells = {name: model.cells["icl_wide"] for name, model in models.items()}
    chains = {name: cell.values["markov"] for name, cell in cells.items()}
    functions = {name: cell.values["regression"] for name, cell in cells.items()}
    entropy, accuracy = (
        _View(chains, "known", measure, _predictors_of_chains) for measure in ("cross_entropy", "accuracy")
    )
    error = _View(functions, "examples", "error", _predictors_of_functions)
    budgets = Counter(_budget(cell.settings) for cell in cells.values())
    made_with = [f"{counted(count, 'model')}: {budget}" for budget, count in budgets.items()]
    if (drawn := len(distinct(chains))) < len(cells):
        made_with.append(f"Lines are of {drawn} of {len(cells)} models")
    return Section(
        tables={
            "cross_entropy": entropy.table(),
            "accuracy": accuracy.table(),
            "error": error.table(),
            "training": _training(chains, functions),
        },
        figures={
            "figure-wider-markov": entropy.figure("words known", "cross entropy, nats"),
            "figure-wider-regression": error.figure("pairs known", "squared error over the dimension"),
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


def _predictors_of_chains(values: Values, measure: str) -> dict[str, list[float]]:
    chance = [values["chance"][measure]] * len(values["known"])
    return {"Bayes": values["bayes"][measure], "unigram": values["unigram"][measure], "chance": chance}


def _predictors_of_functions(values: Values, measure: str) -> dict[str, list[float]]:
    return {"least squares": values["least_squares"], "zero": values["zero"]}


@dataclass(frozen=True)
class _View:
    """A measure of all models over what they know, and the predictors that they are held against.

    Attributes:
        results: of the task, by model.
        axis: the name of the numbers of what is known.
        measure: its name.
        predictors_of: what each predictor reaches, by its name, as a result states it.
    """

    results: dict[str, Values]
    axis: str
    measure: str
    predictors_of: Callable[[Values, str], dict[str, list[float]]]

    @property
    def ticks(self) -> list[int]:
        return sorted({n for values in self.results.values() for n in values[self.axis]})

    def predictors(self) -> tuple[list[int], dict[str, list[float]]]:
        """Where, and what each reaches there."""
        longest = max(self.results.values(), key=lambda values: len(values[self.axis]))
        return longest[self.axis], self.predictors_of(longest, self.measure)

    def table(self) -> Table:
        """A row a model with its standard errors, then a row a predictor."""
        rows = []
        for name, values in self.results.items():
            of = values[self.measure]
            texts = with_errors(of["mean"], of["standard_error"])
            rows.append(self._row(name, of_seeds(values["seeds"]), values[self.axis], texts))
        at, predictors = self.predictors()
        rows += [self._row(name, "", at, (f"{point:.3f}" for point in points)) for name, points in predictors.items()]
        return Table(["model", "mean of", *map(str, self.ticks)], rows, words=2)

    def _row(self, name: str, of: str, at: Sequence[int], texts: Iterable[str]) -> list[str]:
        found = dict(zip(at, texts, strict=True))
        return [name, of, *(found.get(n, "n/a") for n in self.ticks)]

    def figure(self, known: str, title: str) -> Any:
        """A line a model with its standard errors, and the predictors as references; ready for JSON."""
        figure = go.Figure()
        for name, values in distinct(self.results).items():
            of = values[self.measure]
            draw_line(figure, name, values[self.axis], of["mean"], of["standard_error"], ())
        at, predictors = self.predictors()
        for name, points in predictors.items():
            draw_reference(figure, name, list(map(str, at)), points)
        return ready(spaced(figure, self.ticks, known, title, None), "learned")


def _training(chains: dict[str, Values], functions: dict[str, Values]) -> Table:
    """Sizes, and of every seed what it reached with all words or pairs known, and how long it took."""
    heads = ["model"]
    for measure in ("cross entropy", "error"):
        heads += [f"{measure}: parameters", "rate", measure, "core seconds"]
    rows = []
    for name, chain in chains.items():
        row = [name]
        for of, measure in ((chain, "cross_entropy"), (functions[name], "error")):
            row += [exact(of["model"]["params"]), f"{of['rate']:g}"]
            row.append(", ".join(f"{seed[measure]['mean'][-1]:.3f}" for seed in of["seeds"]))
            row.append(", ".join(f"{seed['core_seconds']:.1f}" for seed in of["seeds"]))
        rows.append(row)
    return Table(heads, rows)
