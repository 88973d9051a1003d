"""Examples read in context against gradient steps on them, as tables and figures."""

from __future__ import annotations

import math
from collections.abc import Sequence
from statistics import fmean, stdev

import plotly.graph_objects as go

from harness.report.sections import Table, Values
from harness.report.sections.lines import draw_line, draw_reference, spaced
from harness.report.wording import in_flops, with_error

IN_CONTEXT, READ_ONCE = "in context", "in context, read once"
"""Ways to use examples that give the same answers, so that only their costs are told apart."""


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


def lines(results: dict[str, Values]) -> go.Figure:
    """Mean accuracy over the models by the number of examples: a line a way to use them."""
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


def table(results: dict[str, Values]) -> Table:
    """Accuracy and costs of each way, mean over the models."""
    rows = [
        [
            way,
            str(shots),
            # Its answers are those of `IN_CONTEXT`, but their mean is over fewer models.
            "the same" if way == READ_ONCE else with_error(*mean_over_models(of)),
            in_flops(round(fmean(row["flops"] for row in of))),
            f"{fmean(row['core_seconds'] for row in of):.2g}",
            str(len(of)),
        ]
        for (way, shots), of in _adapted(results).items()
    ]
    return Table(["way", "examples", "accuracy", "FLOPs a task", "core seconds a task", "models"], rows)


def table_of_each(results: dict[str, Values]) -> Table:
    """Accuracies of every model, with standard errors over tasks."""
    columns = [column for column in _adapted(results) if column[0] != READ_ONCE]
    rows = []
    for name, values in results.items():
        of = {(row["way"], row["shots"]): row for row in values["adaptation"]}
        found = [of.get(column) for column in columns]
        texts = [with_error(row["accuracy"], row["standard_error"]) if row else "n/a" for row in found]
        rows.append([name, *texts])
    return Table(["model", *(f"{way}, {shots}" for way, shots in columns)], rows)


def prefill_flops(values: Values) -> int:
    """FLOPs of all prompts of a task of the scaled model, with the most examples, as stored beside fine-tuning."""
    rows = [row for row in values["adaptation"] if row["way"] == IN_CONTEXT]
    return int(max(rows, key=lambda row: row["shots"])["flops"])
