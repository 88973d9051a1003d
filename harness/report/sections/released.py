"""In-context learning of released weights, as tables and a figure."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from statistics import fmean

import plotly.graph_objects as go

from harness.report.frames import Model
from harness.report.sections import Section, Table, Values, ready
from harness.report.sections.lines import draw_line, draw_reference, spaced
from harness.report.wording import counted, exact, with_error


def released(models: dict[str, Model]) -> Section:
    """Accuracy task by task, and what was computed for it."""
    results = {name: model.cells["icl_weights"].values for name, model in models.items()}
    shots = sorted({row["shots"] for values in results.values() for row in values["means"]})
    figure = go.Figure()
    accuracies, costs = [], []
    for name, values in results.items():
        means = {row["shots"]: row for row in values["means"]}
        errors = [row["deviation"] for row in means.values()]
        draw_line(figure, name, list(means), [row["accuracy"] for row in means.values()], errors, ())
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
        figures={"figure-learning-weights": ready(spaced(figure, shots, "demonstrations"), "learned")},
        made_with=[f"{counted(count, 'model')}: {words}" for words, count in made_with.items()],
    )


def _by_shots(rows: dict[int, Values], shots: Sequence[int]) -> list[str]:
    return [with_error(rows[n]["accuracy"], rows[n]["deviation"]) if n in rows else "n/a" for n in shots]
