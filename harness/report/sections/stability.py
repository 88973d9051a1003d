"""Stability of training in tables and figures: scales over depth in fresh models, losses over the learning rate."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from statistics import fmean, geometric_mean
from typing import Any

import plotly.graph_objects as go

from harness.cells import Cell
from harness.report import stability_verdicts as say
from harness.report.figures import FAMILY_COLOURS
from harness.report.sections import Section, Table, ready, rounded
from harness.report.sections.lines import draw_reference
from harness.report.wording import counted

MEASURES = {
    "first_gradient": "first block's gradient",
    "last_gradient": "last block's gradient",
    "first_to_last": "first over last",
    "stream_growth": "variance, last over first",
}
"""What is told of fresh models, over the depth."""
NOTHING = 0.05
"""Share of what can be learnt beyond how often words come that a run must have learnt not to have learnt nothing."""
VERDICTS = "verdicts"
"""The table of answers; the others are called by what they are of."""


def stability(cells: Iterable[Cell]) -> Section | None:
    """The section, where there are results."""
    having = [cell for cell in cells if cell.metric == say.EXPERIMENT]
    if not having:
        return None
    chosen = say.chosen_results(having)
    section = Section(failed=[cell.reason for cell in having if cell.status != "ok"])
    if chosen:
        section.tables[VERDICTS] = _verdicts(chosen)
    for number, cell in enumerate(chosen):
        make = _fresh if cell.settings["part"] == "start" else _training
        title, table, figures = make(cell)
        section.tables[title] = table
        section.figures.update({f"figure-stability-{number}-{name}": ready(of) for name, of in figures.items()})
    section.made_with.extend(dict.fromkeys(map(_conditions, chosen)))
    return section


def _conditions(cell: Cell) -> str:
    conditions = cell.values["conditions"]
    return f"{conditions['device']}, {conditions['dtype']}, {counted(conditions['threads'], 'thread')}"


def _verdicts(cells: Sequence[Cell]) -> Table:
    """All answers, question by question."""
    found = [(question, say.where(cell), verdict) for cell in cells for question, verdict in say.answers(cell)]
    rows = [
        [question.words, verdict.words, place, verdict.evidence]
        for question, place, verdict in sorted(found, key=lambda each: say.QUESTIONS.index(each[0]))
    ]
    return Table(["question", "answer", "where", "evidence, over the seeds"], rows, words=4)


def _fresh(cell: Cell) -> tuple[str, Table, dict[str, go.Figure]]:
    settings, values = cell.settings, cell.values
    size, depths = settings["size"], settings["depths"]
    title = (
        f"{say.where(cell)}: width {size['hidden_size']}, {settings['batch_size']} sequences of {size['max_seq_len']} "
        f"random words of {size['vocab_size']}, {counted(len(settings['seeds']), 'seed')}"
    )
    laws = {(law["candidate"], law["of"]): law for law in values["laws"]}
    rows = []
    for name in settings["candidates"]:
        of_name = say.over_depth(values, name)
        row = [name]
        for measure in MEASURES:
            row += [*(say.spread(of_name[at][measure]) for at in (0, -1)), _law(laws[name, measure], of_name, measure)]
        rows.append(row)
    heads = [f"{words}, {what}" for words in MEASURES.values() for what in (min(depths), max(depths), "law")]
    figures = {
        "gradients": _by_block(values, max(depths), "weight_gradients", "norm of the gradient"),
        "stream": _by_block(values, max(depths), "stream", "root mean square"),
    }
    return title, Table(["norms", *heads], rows), figures


def _law(law: Mapping[str, Any], rows: Sequence[Mapping[str, Any]], measure: str) -> str:
    """The nearer law, with the spread of its parameter; `steady` where no seed changes by more than `DOUBLE`."""
    changes = [deep / shallow for shallow, deep in zip(rows[0][measure], rows[-1][measure], strict=True)]
    if all(1 / say.DOUBLE <= change <= say.DOUBLE for change in changes):
        return "steady"
    name, of = ("L^p, p =", law["exponents"]) if law["law"] == "power" else ("q^L, q =", law["factors"])
    return f"{name} {min(of):.3g} to {max(of):.3g}"


def _by_block(values: Mapping[str, Any], depth: int, measure: str, title: str) -> go.Figure:
    """Over some blocks of the deepest models the geometric mean over the seeds: a line for each of a few candidates."""
    figure = go.Figure()
    for name, samples in list(values["samples"].items())[: len(FAMILY_COLOURS)]:
        seeds = [seed[measure][-depth:] for seed in samples[str(depth)]]  # without the stream before any block
        figure.add_scatter(
            x=_some(depth),
            y=[rounded(geometric_mean(seed[block - 1] for seed in seeds)) for block in _some(depth)],
            name=name,
            hovertemplate="%{y:.3g} at block %{x}",
        )
    figure.update_xaxes(type="log", title=f"block, of {depth}", dtick=math.log10(2), tickformat="d")
    figure.update_yaxes(type="log", title=title, exponentformat="power")
    return figure


def _some(depth: int) -> list[int]:
    """At most 14 of so many blocks, counted from 1, evenly spaced on a logarithmic scale: the first to the last."""
    return sorted({round(depth ** (step / 13)) for step in range(14)})


def _training(cell: Cell) -> tuple[str, Table, dict[str, go.Figure]]:
    settings, values = cell.settings, cell.values
    recipe, text, width = settings["recipe"], values["text"], settings["size"]["hidden_size"]
    title = (
        f"{say.where(cell)}: width {width}, {recipe['steps']} steps of {recipe['batch_size']} sequences, "
        f"{counted(len(settings['seeds']), 'seed')}"
    )
    heads = ["norms", "parameters", "highest rate that trains, by seed", "runs that fail", "that learn nothing"]
    heads += [f"loss at {rate:g}" for rate in settings["rates"]]
    figure = go.Figure()
    rows = []
    for name in settings["candidates"]:
        of_name = [row for row in values["rows"] if row["candidate"] == name]
        runs = [done for row in of_name for done in row["trained"]]
        highest = ", ".join(map(say.rate_in_words, say.highest_rates(values, name)))
        losses = [", ".join("none" if loss is None else f"{loss:.2f}" for loss in row["final"]) for row in of_name]
        params = f"{values['exact']['params'][name]:,}"
        nothing = sum(_learnt_nothing(loss, text) for row in of_name for loss in row["final"])
        rows.append([name, params, highest, f"{runs.count(False)} of {len(runs)}", str(nothing), *losses])
        _loss_line(figure, name, of_name)
    for name in ("unigram", "best"):
        draw_reference(figure, name, settings["rates"], [text[name]] * len(settings["rates"]))
    figure.update_xaxes(type="log", title="learning rate", tickvals=settings["rates"])
    figure.update_yaxes(title="final loss, nats a word")
    return title, Table(heads, rows), {"losses": figure}


def _learnt_nothing(loss: float | None, text: Mapping[str, float]) -> bool:
    """Whether a run has diverged: it ends with no number, or knows nothing but how often words come, if that."""
    return loss is None or text["unigram"] - loss < NOTHING * (text["unigram"] - text["best"])


def _loss_line(figure: go.Figure, name: str, rows: Sequence[Mapping[str, Any]]) -> None:
    """The mean final loss over the rates, with the least and the greatest of the seeds; no point where one is none."""
    points = [(row["rate"], row["final"]) for row in rows if None not in row["final"]]
    means = [fmean(losses) for _, losses in points]
    figure.add_scatter(
        x=[rate for rate, _ in points],
        y=list(map(rounded, means)),
        error_y={
            "type": "data",
            "symmetric": False,
            "array": [rounded(max(losses) - mean) for (_, losses), mean in zip(points, means, strict=True)],
            "arrayminus": [rounded(mean - min(losses)) for (_, losses), mean in zip(points, means, strict=True)],
            "thickness": 1,
            "width": 2,
        },
        name=name,
        hovertemplate="%{y:.3f} at a rate of %{x}",
    )
