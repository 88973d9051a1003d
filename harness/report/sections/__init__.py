"""Sections of the page: what one experiment, or one metric of trained models, found, as tables and figures."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import plotly.graph_objects as go

from harness.cells import Cell

Values = dict[str, Any]
"""What a result has measured, or a part of it."""
Interval = dict[str, float]
"""A figure with its 99 % interval between processes: low, mid, high."""


@dataclass(frozen=True)
class Table:
    """Cells of text; the first `words` columns are words, the others figures."""

    heads: list[str]
    rows: list[list[str]]
    words: int = 1


@dataclass(frozen=True)
class Section:
    """What one experiment found.

    Attributes:
        tables: by name.
        figures: by the id of their place, ready for JSON.
        made_with: the conditions of each result, in words.
        failed: the reasons why some results could not be had.
    """

    tables: dict[str, Table] = field(default_factory=dict)
    figures: dict[str, Any] = field(default_factory=dict)
    made_with: list[str] = field(default_factory=list)
    failed: list[str] = field(default_factory=list)


def most_lengths(cells: Sequence[Cell]) -> Cell:
    """The result over the most lengths, of those the newest."""
    return max(cells, key=lambda cell: (len(cell.settings["seq_lens"]), cell.created))


def between(interval: Interval) -> str:
    """0.632 (0.611 to 0.655)."""
    return f"{interval['mid']:.3g} ({interval['low']:.3g} to {interval['high']:.3g})"


def times_faster(ratio: Interval) -> str:
    """How many times faster than what it is compared with, from the ratio of the times."""
    return between({"mid": 1 / ratio["mid"], "low": 1 / ratio["high"], "high": 1 / ratio["low"]})


def noise(row: dict[str, Any]) -> str:
    """How far the ratio of a candidate's times to its own strays from 1: 0.98 to 1.02."""
    low, high = row["noise"]
    return f"{low:.2f} to {high:.2f}"


def noise_times_faster(row: dict[str, Any]) -> str:
    """The same beside `times_faster`, upside down as that is: 0.86 to 1.24 becomes 0.81 to 1.16."""
    low, high = row["noise"]
    return f"{1 / high:.2f} to {1 / low:.2f}"


def ready(figure: go.Figure, chosen: str = "all") -> Any:
    """The figure as JSON: with all its traces, or as `learned` with those of the models that a reader chose."""
    figure.update_layout(meta={"chosen": chosen}, template=None)
    return json.loads(figure.to_json())


def rounded(value: float) -> float:
    """Four digits: a page holds many figures."""
    return float(f"{value:.4g}")
