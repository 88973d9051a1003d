"""The figures, as plotly describes them. A figure holds every model; the page shows those that its reader chose.

Every trace, bar or row says in its `meta` which model it is of, so that the page can choose, and nothing of how it
looks beyond that: colours and symbols follow the theme and the choice, and are given by the page.
"""

from __future__ import annotations

import itertools
import json
import math
from collections.abc import Hashable, Sequence
from typing import Any

import pandas as pd
import plotly.graph_objects as go

from harness.report.frames import (
    COMPONENTS,
    Model,
    breakdown_frame,
    cache_frame,
    contexts_frame,
    flops_frame,
    models_frame,
    pairs_frame,
    patterns_frame,
)
from harness.report.sheets import context
from harness.report.wording import exact, printed, short, short_bytes

FAMILY_COLOURS = (
    ("#0072b2", "#56b4e9"),
    ("#c44e00", "#ff8a4c"),
    ("#007a5a", "#2ec4a0"),
    ("#a8488a", "#e39ac8"),
    ("#8f6a00", "#e6b422"),
    ("#5b5f97", "#a9adf0"),
    ("#6b6f76", "#a4a9b1"),
    ("#8c2d19", "#d99a86"),
)
"""For a light and a dark page, after Okabe and Ito: told apart with every common colour vision."""
COMPONENT_COLOURS = {
    "embedding": "#56b4e9",
    "position": "#cc79a7",
    "mixer": "#0072b2",
    "mlp": "#e69f00",
    "norm": "#8a8f98",
    "head": "#009e73",
}
TICKS = [2**power for power in range(6, 24)]

Figure = dict[str, Any]


def figures(models: Sequence[Model]) -> dict[str, Figure]:
    """Every figure by the id of its place in the page, ready for JSON."""
    made = {
        "figure-overview": overview(models),
        "figure-params": params_bars(models),
        "figure-prefill": flops_lines(models, "prefill"),
        "figure-decode": flops_lines(models, "decode"),
        "figure-cache": cache_lines(models),
        "figure-contexts": contexts_heatmap(models),
        "figure-patterns": pattern_lines(models),
        "figure-pairs": pairs_lines(models),
    }
    return {place: json.loads(figure.to_json()) for place, figure in made.items()}


def overview(models: Sequence[Model]) -> go.Figure:
    """What one token costs in cache, over the size: a dot a model."""
    figure = go.Figure()
    frame = models_frame(models)
    for name, row in frame[frame["params"].notna() & frame["kv"].notna()].iterrows():
        figure.add_scatter(
            x=[int(row["params"])],
            y=[int(row["kv"])],
            mode="markers",
            name=row["title"],
            customdata=[[short(int(row["params"])), short_bytes(int(row["kv"]))]],
            hovertemplate="%{customdata[0]} parameters, %{customdata[1]} a token",
            meta={"model": name},
        )
    sizes = [digit * 10**power for power in range(3, 14) for digit in (1, 3)]
    figure.update_xaxes(type="log", title="parameters", tickvals=sizes, ticktext=[printed(size) for size in sizes])
    figure.update_yaxes(**in_bytes("bytes a token, fp16"))
    return _of(figure, "all")


def params_bars(models: Sequence[Model]) -> go.Figure:
    """Parameters by component: a stack a model; `customdata` holds the share of the total."""
    frame = breakdown_frame(models)
    totals = frame.sum(axis=1)
    figure = go.Figure()
    for component in COMPONENTS:
        figure.add_bar(
            orientation="h",
            name=component,
            x=frame[component].tolist(),
            y=frame.index.tolist(),
            customdata=[round(part / total, 5) for part, total in zip(frame[component], totals, strict=True)],
            hovertemplate="%{fullData.name}: %{value:,} parameters, %{customdata:.2%}",
            marker={"color": COMPONENT_COLOURS[component], "line": {"width": 0}},
        )
    figure.update_layout(barmode="stack", bargap=0.28)
    figure.update_xaxes(title="parameters", exponentformat="B")
    return _of(figure, "bars")


def flops_lines(models: Sequence[Model], phase: str) -> go.Figure:
    """FLOPs a token over the context: solid for visible pairs, dotted for all pairs."""
    frame = flops_frame(models)
    figure = go.Figure()
    for (name, pairs), rows in _groups(frame[frame["phase"] == phase], ["name", "pairs"]):
        tokens = [1 if phase == "decode" else n for n in rows["seq_len"]]
        line = {"line": {"dash": "dot"}} if pairs == "full" else {}
        figure.add_scatter(
            x=rows["seq_len"].tolist(),
            y=[round(flops / n) for flops, n in zip(rows["flops"], tokens, strict=True)],
            hovertemplate=f"%{{y:.4s}}FLOPs a token at %{{x:,}} tokens, {pairs}",
            meta={"model": name},
            **line,
        )
    figure.update_yaxes(type="log", title=f"FLOPs a token, {phase}", tickformat="~s")
    return _of(over_context(figure), "traces")


def cache_lines(models: Sequence[Model]) -> go.Figure:
    """Bytes of the cache over the context, with the memories of common devices as horizontal lines."""
    figure = go.Figure()
    for (name,), rows in _groups(cache_frame(models), ["name"]):
        figure.add_scatter(
            x=rows["seq_len"].tolist(),
            y=rows["bytes"].tolist(),
            hovertemplate="%{y:,} bytes at %{x:,} tokens",
            meta={"model": name},
        )
    for gigabytes in sorted(set(contexts_frame(models)["budget_gb"])):
        memory = gigabytes * 10**9
        figure.add_hline(memory, line={"width": 1, "dash": "dash"})
        # On a logarithmic axis plotly takes a shape's place as it is, and an annotation's as a logarithm.
        place = {"x": 0, "xref": "x domain", "xanchor": "left", "y": math.log10(memory), "yanchor": "bottom"}
        figure.add_annotation(text=f"{gigabytes} GB", showarrow=False, font={"size": 11}, **place)
    figure.update_yaxes(**in_bytes("bytes of cache, fp16"))
    return _of(over_context(figure), "traces", of="cache")


def contexts_heatmap(models: Sequence[Model]) -> go.Figure:
    """The longest context that fits: a row a model, a column a memory and a format of the weights.

    The colour is the decimal logarithm of the tokens, at most those that the model is made for. A cell without a
    colour fits nothing.
    """
    found: dict[str, dict[tuple[str, str], int | None]] = {}
    for row in contexts_frame(models).to_dict("records"):
        found.setdefault(row["name"], {})[f"{row['budget_gb']} GB", row["weights"]] = row["tokens"]
    limits = {model.name: model.max_length for model in models}
    columns = list(dict.fromkeys(column for contexts in found.values() for column in contexts))
    grid = {name: [contexts.get(column, 0) for column in columns] for name, contexts in found.items()}
    within = [[_within(tokens, limits[name]) for tokens in row] for name, row in grid.items()]
    top = math.log10(max((tokens for tokens in itertools.chain(*within) if tokens), default=10))
    figure = go.Figure()
    figure.add_heatmap(
        x=[list(part) for part in zip(*columns, strict=True)],
        y=list(found),
        z=[[round(math.log10(tokens), 2) if tokens else None for tokens in row] for row in within],
        text=[[_context(tokens, limits[name]) for tokens in row] for name, row in grid.items()],
        customdata=[[context(tokens, limits[name]) for tokens in row] for name, row in grid.items()],
        hovertemplate="%{x}: %{customdata}",
        texttemplate="%{text}",
        zmin=2,
        zmax=round(top, 2),
        xgap=1,
        ygap=1,
        showscale=False,
    )
    figure.update_xaxes(side="top")
    return _of(figure, "rows")


def _within(tokens: int | None, limit: int) -> int:
    """No more than the model is made for."""
    return limit if tokens is None else min(tokens, limit)


def _context(tokens: int | None, limit: int) -> str:
    if tokens == 0:
        return ""
    return exact(tokens) if tokens is not None and tokens < limit else f"all {exact(limit)}"


def pattern_lines(models: Sequence[Model]) -> go.Figure:
    """The share of the dense causal pairs that each pattern leaves visible, in one layer."""
    figure = go.Figure()
    for (pattern,), rows in _groups(patterns_frame(models), ["pattern"]):
        figure.add_scatter(
            x=rows["seq_len"].tolist(),
            y=[float(f"{visible / dense:.5g}") for visible, dense in zip(rows["visible"], rows["dense"], strict=True)],
            name=pattern,
            hovertemplate="%{y:.3%} of the pairs at %{x:,} tokens",
        )
    figure.update_yaxes(type="log", title="visible pairs / dense", tickformat="~%")
    return _of(over_context(figure), "all")


def pairs_lines(models: Sequence[Model]) -> go.Figure:
    """Visible pairs over all layers of a model."""
    figure = go.Figure()
    for (name,), rows in _groups(pairs_frame(models), ["name"]):
        figure.add_scatter(
            x=rows["seq_len"].tolist(),
            y=rows["visible"].tolist(),
            hovertemplate="%{y:.4s} pairs at %{x:,} tokens",
            meta={"model": name},
        )
    figure.update_yaxes(type="log", title="visible pairs, all layers", tickformat="~s")
    return _of(over_context(figure), "traces")


def _groups(frame: pd.DataFrame, columns: list[str]) -> list[tuple[tuple[Hashable, ...], pd.DataFrame]]:
    """Groups in order of first appearance, each with the tuple of what it has in common."""
    return [(tuple(key), rows) for key, rows in frame.groupby(columns, sort=False)]


def in_bytes(title: str) -> Figure:
    """A logarithmic axis of bytes, with ticks at powers of 16."""
    ticks = [16**power for power in range(1, 14)]
    return {"type": "log", "title": title, "tickvals": ticks, "ticktext": [short_bytes(tick) for tick in ticks]}


def over_context(figure: go.Figure) -> go.Figure:
    """A logarithmic axis of lengths, with ticks at powers of two."""
    text = [str(n) if n < 1024 else f"{n // 1024}k" for n in TICKS]
    figure.update_xaxes(type="log", title="context, tokens (k = 1024)", tickvals=TICKS, ticktext=text)
    return figure


def _of(figure: go.Figure, chosen: str, of: str = "") -> go.Figure:
    """Say what the reader's choice of models picks: `traces`, `bars`, `rows`, or nothing in `all`.

    `of` is the cost that the page computes anew for another batch or number format.
    """
    figure.update_layout(meta={"chosen": chosen, "of": of}, template=None)
    return figure
