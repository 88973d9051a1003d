"""Recall against what is kept, as a table and a figure."""

from __future__ import annotations

from collections.abc import Iterable
from statistics import fmean

import plotly.graph_objects as go

from harness.cells import Cell
from harness.report.sections import Section, Table, Values, ready, rounded
from harness.report.wording import counted, exact, short_bytes

EXPERIMENT = "recall"


def recall(cells: Iterable[Cell]) -> Section | None:
    """Of each candidate the result with the most seeds, of those the newest."""
    having = [cell for cell in cells if cell.metric == EXPERIMENT]
    if not having:
        return None
    section = Section(failed=[cell.reason for cell in having if cell.status != "ok"])
    chosen: dict[str, Cell] = {}
    for cell in sorted(having, key=lambda cell: (len(cell.settings["seeds"]), cell.created)):
        if cell.status == "ok":
            chosen[cell.settings["candidate"]] = cell
    if not chosen:
        return section
    ordered = sorted(chosen.values(), key=lambda cell: cell.values["exact"]["state_bytes"])
    section.tables["recall"] = _table(ordered)
    section.figures["figure-recall"] = ready(_against_bytes(ordered))
    section.made_with.extend(dict.fromkeys(map(_budget, ordered)))
    return section


def _best(values: Values) -> Values:
    """The row of the learning rate that was chosen."""
    return next(row for row in values["rows"] if row["rate"] == values["best"])


def _budget(cell: Cell) -> str:
    settings = cell.settings
    rates = " or ".join(f"{rate:g}" for rate in settings["rates"])
    return (
        f"{counted(len(settings['seeds']), 'seed')}, {exact(settings['recipe']['steps'])} steps of "
        f"{settings['recipe']['batch_size']} sequences of {settings['pairs']} pairs at a rate of {rates}, "
        f"about {exact(settings['params'])} parameters, {exact(settings['documents'])} questions for each point"
    )


def _table(cells: list[Cell]) -> Table:
    keys = cells[0].settings["keys"]
    rows = []
    for cell in cells:
        best, values = _best(cell.values), cell.values
        of_keys = dict(zip(cell.settings["keys"], zip(*best["accuracy"], strict=True), strict=True))
        found = [f"{min(of_keys[n]):.3f} to {max(of_keys[n]):.3f}" if n in of_keys else "n/a" for n in keys]
        kept, size = values["exact"]["state_bytes"], values["exact"]["params"]
        rows.append([cell.settings["candidate"], short_bytes(kept), exact(size), f"{values['best']:g}", *found])
    return Table(["mixers", "kept", "parameters", "rate", *(f"{n} pairs" for n in keys)], rows)


def _against_bytes(cells: list[Cell]) -> go.Figure:
    """Accuracy at 16 pairs, or the middle number, over the bytes: the mean of the seeds, the least and the greatest."""
    figure = go.Figure()
    for cell in cells:
        keys, best = cell.settings["keys"], _best(cell.values)
        at = keys.index(16) if 16 in keys else len(keys) // 2
        seeds = [accuracy[at] for accuracy in best["accuracy"]]
        mean = fmean(seeds)
        figure.add_scatter(
            x=[cell.values["exact"]["state_bytes"]],
            y=[rounded(mean)],
            error_y={
                "type": "data",
                "symmetric": False,
                "array": [rounded(max(seeds) - mean)],
                "arrayminus": [rounded(mean - min(seeds))],
                "thickness": 1,
                "width": 2,
            },
            mode="markers",
            name=cell.settings["candidate"],
            hovertemplate="%{y:.3f} at %{x:.3s}B",
        )
    figure.update_xaxes(type="log", title="bytes kept of the text, fp16, states in 32 bits", tickformat="~s")
    figure.update_yaxes(title="accuracy of recall", range=[0, 1.05])
    return figure
