"""Lines of figures: of a model with its standard errors, of what was timed with its intervals, and references."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import plotly.graph_objects as go

from harness.report.sections import Interval, rounded


def draw_line(
    figure: go.Figure,
    name: str,
    x: Sequence[int],
    y: Sequence[float],
    errors: Sequence[float | None] | None,
    alike: Sequence[str] | None = None,
) -> None:
    """A model, or a way, with its standard errors as far as they are known.

    Args:
        figure: where it is drawn.
        name: of the model or the way.
        x: numbers of demonstrations, or of what else is known.
        y: what was measured with each.
        errors: standard errors, None where they are not known.
        alike: of a model the others that it stands for; None for a way.
    """
    figure.add_scatter(
        x=list(map(str, x)),
        y=list(map(rounded, y)),
        error_y={
            "type": "data",
            "array": [error if error is None else rounded(error) for error in errors or [None] * len(y)],
            "thickness": 1,
            "width": 2,
        },
        name=name,
        meta=None if alike is None else {"model": name, "also": list(alike)},
        hovertemplate="%{y:.3f} with %{x}",
    )


def draw_timed(figure: go.Figure, name: str, points: Sequence[tuple[int, Interval]], hover: str) -> None:
    """One candidate over the length, with its intervals."""
    figure.add_scatter(
        x=[n for n, _ in points],
        y=[rounded(value["mid"]) for _, value in points],
        error_y={
            "type": "data",
            "symmetric": False,
            "array": [rounded(value["high"] - value["mid"]) for _, value in points],
            "arrayminus": [rounded(value["mid"] - value["low"]) for _, value in points],
            "thickness": 1,
            "width": 2,
        },
        name=name,
        hovertemplate=hover,
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
