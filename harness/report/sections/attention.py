"""How attention grows, as tables and figures: laws, speeds against dense attention and against flex_attention."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import plotly.graph_objects as go

from harness.cells import Cell
from harness.choices.mixers import mixers
from harness.report.figures import over_context
from harness.report.sections import Section, Table, most_lengths, noise_times_faster, ready, times_faster
from harness.report.sections.lines import draw_timed
from harness.report.wording import exact, in_flops, short


def attention(cells: Sequence[Cell]) -> Section:
    """Of the newest results over the most lengths."""
    section = Section()
    own = [cell for cell in cells if "against" not in cell.settings]
    if own:
        cell = most_lengths(own)
        rows, laws = cell.values["rows"], cell.values["laws"]
        section.tables.update(laws=_laws(laws, rows), speeds=_speeds(rows))
        for which in cell.settings["passes"]:
            of_pass = [row for row in rows if row["pass"] == which]
            section.figures[f"figure-attention-{which}"] = _time_lines(of_pass, which)
    others = [cell for cell in cells if "against" in cell.settings]
    if others:
        section.tables["others"] = _others(most_lengths(others).values["rows"])
    return section


def _others(rows: Sequence[dict[str, Any]]) -> Table:
    """The sparse kernels against other ways to compute the same."""
    heads = ["pattern", "compared with", "length", "times faster", "noise", "verdict"]
    texts = [
        [
            _with_options(row),
            row["to"],
            exact(row["seq_len"]),
            times_faster(row["ratio"]),
            noise_times_faster(row),
            row["verdict"],
        ]
        for row in rows
    ]
    return Table(heads, texts, words=2)


def _laws(laws: Sequence[dict[str, Any]], rows: Sequence[dict[str, Any]]) -> Table:
    by_pattern: dict[str, dict[str, Any]] = {}
    for law in laws:
        by_pattern.setdefault(law["pattern"], {})[law["of"]] = law
    columns = list(dict.fromkeys(law["of"] for law in laws))
    heads = ["pattern or recurrence"]
    for column in columns:
        heads += [f"{column}: law", f"{column}: exponent"]
        heads += [] if column == "pairs" else [f"{column}: faster than dense from"]
    texts = []
    for pattern, found in by_pattern.items():
        row = [_words(pattern)]
        for column in columns:
            row += _law(found[column]) if column in found else ("n/a", "n/a")
            row += [] if column == "pairs" else [_crossover(rows, pattern, column)]
        texts.append(row)
    return Table(heads, texts)


def _law(law: dict[str, Any]) -> tuple[str, str]:
    """The law with its factor where it is counted; of a time one or two laws, if the times rule out the others."""
    exponent = law["exponent"]
    if law["of"] == "pairs":
        return f"{law['factor']:.3g} {law['law']}", f"{exponent['mid']:.3f}"
    words = " or ".join(law["plausible"]) if len(law["plausible"]) <= 2 else "undecided"
    return words, f"{exponent['mid']:.2f} ({exponent['low']:.2f} to {exponent['high']:.2f})"


def _crossover(rows: Sequence[dict[str, Any]], pattern: str, which: str) -> str:
    """The length from which on a pattern was faster than dense attention at every length where both were timed."""
    against = [row for row in rows if (row["pattern"], row["pass"], row.get("to")) == (pattern, which, "dense")]
    if not against:
        return ""
    ascending = sorted(against, key=lambda row: row["seq_len"])
    slower = [index for index, row in enumerate(ascending) if row["verdict"] != "faster"]
    start = slower[-1] + 1 if slower else 0
    return exact(ascending[start]["seq_len"]) if start < len(ascending) else "at no length timed"


def _speeds(rows: Sequence[dict[str, Any]]) -> Table:
    heads = [
        "pattern or recurrence",
        "pass",
        "length",
        "visible pairs",
        "FLOPs forward",
        "time",
        "times faster than dense",
        "noise",
        "verdict",
    ]
    texts = []
    for row in rows:
        against = (
            [times_faster(row["ratio"]), noise_times_faster(row), row["verdict"]]
            if row.get("to") == "dense"
            else [""] * 3
        )
        texts.append(
            [
                _with_options(row),
                row["pass"],
                exact(row["seq_len"]),
                "none" if row["pairs"] is None else exact(row["pairs"]),
                in_flops(row["flops"]),
                _time(row["seconds"]["mid"]),
                *against,
                f"{row['share_of_product']['mid']:.2f}",
                f"{row['share_of_peak']['mid']:.2f}",
            ]
        )
    return Table([*heads, "share of torch's product", "share of peak"], texts, words=2)


def _with_options(row: dict[str, Any]) -> str:
    options = ", ".join(f"{key} {value}" for key, value in row["options"].items())
    return f"{_words(row['pattern'])}{f' ({options})' if options else ''}"


def _time_lines(rows: Sequence[dict[str, Any]], which: str) -> Any:
    figure = go.Figure()
    for pattern in dict.fromkeys(row["pattern"] for row in rows):
        draw_timed(
            figure,
            _words(pattern),
            [(row["seq_len"], row["seconds"]) for row in rows if row["pattern"] == pattern],
            "%{y:.3s}s at %{x:,} tokens",
        )
    figure.update_yaxes(type="log", title=f"seconds, {which}", tickformat="~s")
    return ready(over_context(figure))


def _time(seconds: float) -> str:
    return f"{short(_microseconds(seconds))} µs" if seconds < 1e-3 else f"{seconds * 1e3:,.3g} ms"


def _microseconds(seconds: float) -> int:
    return round(seconds * 1e6)


def _words(kind: str) -> str:
    """What a pattern, or a mixer, is called."""
    return mixers[kind].short if kind in mixers.names() else kind.replace("_", "-")
