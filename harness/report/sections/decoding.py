"""Decoding over the context, as tables and figures: through one layer, and through a stack of them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import plotly.graph_objects as go

from harness.cells import Cell
from harness.report.figures import over_context
from harness.report.sections import Section, Table, most_lengths, noise_times_faster, ready, times_faster
from harness.report.sections.lines import draw_timed
from harness.report.wording import exact, short_bytes


def decoding(cells: Sequence[Cell]) -> Section:
    """A table for each way to pass through layers and each batch size."""
    section = Section()
    kinds: dict[tuple[bool, int], list[Cell]] = {}
    for cell in cells:
        kinds.setdefault((cell.settings["stack_bytes"] > 0, cell.settings["batch_size"]), []).append(cell)
    for (stack, batch_size), of_kind in sorted(kinds.items()):
        rows = most_lengths(of_kind).values["rows"]
        words = "1 sequence" if batch_size == 1 else f"{exact(batch_size)} sequences"
        words += ", layers of a stack in turn" if stack else ", one layer"
        section.tables[words] = _speeds(rows)
        if stack:  # few lengths
            continue
        figure = go.Figure()
        for name in dict.fromkeys(row["arrangement"] for row in rows):
            of_name = [(row["seq_len"], row["tokens_per_s"]) for row in rows if row["arrangement"] == name]
            draw_timed(figure, name, of_name, "%{y:.3s} tokens a second behind %{x:,}")
        figure.update_yaxes(type="log", title=f"tokens a second, {words}", tickformat="~s")
        section.figures[f"figure-decoding-{batch_size}"] = ready(over_context(figure))
    return section


def _speeds(rows: Sequence[dict[str, Any]]) -> Table:
    heads = [
        "arrangement",
        "context",
        "layers",
        "cache of a layer",
        "tokens a second",
        "times faster than MHA",
        "noise",
        "verdict",
    ]
    texts = []
    for row in rows:
        against = (
            [times_faster(row["ratio"]), noise_times_faster(row), row["verdict"]] if row["to"] == "MHA" else [""] * 3
        )
        texts.append(
            [
                row["arrangement"],
                exact(row["seq_len"]),
                exact(row["layers"]),
                short_bytes(row["cache_bytes"]),
                f"{row['tokens_per_s']['mid']:,.0f}",
                *against,
                f"{row['share_of_reading']['mid']:.2f}",
            ]
        )
    return Table([*heads, "share of reading"], texts)
