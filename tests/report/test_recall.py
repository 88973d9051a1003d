"""Recall on the page: by what is kept, at the rate that was chosen, with the spread of the seeds."""

from __future__ import annotations

from typing import Any

from harness.cells import Cell
from harness.report.frames import models_of
from harness.report.page import html
from harness.report.sections.recall import recall
from tests.report.cells import ENVIRONMENT, HOSTILE, cells_of

SETTINGS = {
    "keys": [4, 16],
    "documents": 1000,
    "params": 120_000,
    "pairs": 33,
    "rates": [0.001, 0.003],
    "recipe": {"steps": 1500, "batch_size": 32},
}


def cell(name: str, kept: int, accuracy: list[list[float]], seeds: int = 3, **changes: Any) -> Cell:
    """A result whose rate of 0.003 trained best, to these accuracies."""
    poor = {"rate": 0.001, "accuracy": [[0.0, 0.0]] * len(accuracy), "final": [3.0] * len(accuracy)}
    good = {"rate": 0.003, "accuracy": accuracy, "final": [1.0] * len(accuracy)}
    values = {"exact": {"params": 119_872, "state_bytes": kept}, "best": 0.003, "rows": [poor, good]}
    fields: dict[str, Any] = {
        "settings": {**SETTINGS, "candidate": name, "seeds": list(range(seeds))},
        "status": "ok",
        "values": values,
        "created": "2026-01-01T00:00:00+00:00",
    }
    common = {"spec": None, "metric": "recall", "version": 1, "environment": ENVIRONMENT, "seconds": 1.0}
    return Cell(**{**common, **fields, **changes})


def test_rows_are_by_what_is_kept_and_show_the_spread_of_the_seeds() -> None:
    section = recall(
        [
            cell("attention", 33_280, [[1.0, 0.75], [1.0, 0.5], [0.875, 1.0]]),
            cell("small state", 3584, [[0.5, 0.25]] * 3),
        ]
    )
    assert section is not None
    assert section.tables["recall"].heads == ["mixers", "kept", "parameters", "rate", "4 pairs", "16 pairs"]
    assert section.tables["recall"].rows == [
        ["small state", "3.50 KiB", "119,872", "0.003", "0.500 to 0.500", "0.250 to 0.250"],
        ["attention", "32.5 KiB", "119,872", "0.003", "0.875 to 1.000", "0.500 to 1.000"],
    ]
    points = {trace["name"]: trace for trace in section.figures["figure-recall"]["data"]}
    assert (points["attention"]["x"], points["attention"]["y"]) == ([33_280], [0.75])
    assert (points["attention"]["error_y"]["array"], points["attention"]["error_y"]["arrayminus"]) == ([0.25], [0.25])
    assert section.made_with == [
        "3 seeds, 1,500 steps of 32 sequences of 33 pairs at a rate of 0.001 or 0.003, about 120,000 parameters, "
        "1,000 questions for each point"
    ]


def test_the_result_with_more_seeds_counts() -> None:
    one = cell("attention", 33_280, [[0.0, 0.0]], seeds=1, created="2026-02-01T00:00:00+00:00")
    section = recall([cell("attention", 33_280, [[1.0, 1.0]] * 3), one])
    assert section is not None
    assert section.tables["recall"].rows[0][-1] == "1.000 to 1.000"


def test_failures_are_told_and_names_escaped() -> None:
    assert recall([]) is None
    failed = cell("attention", 1, [[0.0, 0.0]], status="failed", values={}, reason=HOSTILE)
    section = recall([failed])
    assert section is not None
    assert (section.failed, section.tables) == ([HOSTILE], {})
    cells = [*cells_of("toy"), failed, cell(HOSTILE, 3584, [[0.5, 0.25]])]
    page = html(cells, models_of(cells), "toy")
    assert 'id="recall"' in page
    assert HOSTILE not in page
