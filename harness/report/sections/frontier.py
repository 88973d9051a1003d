"""Accuracy over what it costs, and the models than which none is as cheap and more accurate."""

from __future__ import annotations

from collections.abc import Callable, Iterable

import plotly.graph_objects as go

from harness.report.sections import Values, rounded
from harness.report.sections.adaptation import prefill_flops
from harness.report.sections.lines import draw_reference
from harness.report.wording import in_flops, short_bytes

Point = tuple[float, float]


def state_bytes(values: Values) -> int:
    """Bytes that the scaled model keeps of the longest sequence that it is asked: keys and values, or other states."""
    return int(values["model"]["state_bytes"])


COSTS: dict[str, tuple[Callable[[Values], int], str, Callable[[int], str]]] = {
    "state": (state_bytes, "bytes kept of the longest sequence, fp16, scaled model", short_bytes),
    "prefill": (prefill_flops, "prefill FLOPs of a task, scaled model", in_flops),
}
"""What accuracy is held against: how it is counted, the title of its axis, and its wording."""


def frontier(points: Iterable[Point]) -> list[Point]:
    """Those points of (cost, accuracy) than which no other is as cheap and more accurate, by cost."""
    best: list[Point] = []
    for cost, accuracy in sorted(points, key=lambda point: (point[0], -point[1])):
        if not best or accuracy > best[-1][1]:
            best.append((cost, accuracy))
    return best


def against(points: dict[str, tuple[int, float, float | None]], title: str, text_of: Callable[[int], str]) -> go.Figure:
    """A dot a model, accuracy over a cost, and the Pareto frontier."""
    figure = go.Figure()
    for name, (cost, accuracy, error) in points.items():
        figure.add_scatter(
            x=[cost],
            y=[rounded(accuracy)],
            error_y={"type": "data", "array": [error if error is None else rounded(error)], "thickness": 1, "width": 2},
            name=name,
            customdata=[text_of(cost)],
            hovertemplate="%{y:.3f} at %{customdata}",
            meta={"model": name},
        )
    best = frontier((cost, accuracy) for cost, accuracy, _ in points.values())
    draw_reference(figure, "Pareto frontier", [cost for cost, _ in best], [accuracy for _, accuracy in best], "hv")
    figure.update_xaxes(title=title, tickformat="~s")
    figure.update_yaxes(title="accuracy", range=[0, 1.12])
    return figure
