"""What was timed, on the page: wording, verdicts on the claim, and a page with some of the experiments only."""

from __future__ import annotations

from typing import Any

import pytest

from harness.report.frames import models_of
from harness.report.measured import claim, sections, times_faster
from harness.report.page import html
from harness.results import Cell
from tests.report.cells import ENVIRONMENT, HOSTILE, spec_record


def norms(**changes: Any) -> Cell:
    row = {
        "name": "textbook",
        "tokens": 4,
        "width": 8,
        "pass": "forward",
        "of": HOSTILE,
        "to": "textbook layer",
        "ratio": {"low": 0.5, "mid": 0.6, "high": 0.7},
        "noise": [0.9, 1.1],
        "verdict": "faster",
    }
    conditions = {"device": "cpu", "clock": "a clock", "load_average": 0.5}
    fields: dict[str, Any] = {
        "settings": {"implementation": "textbook", "dtype": "float32", "processes": 5, "rounds": 3},
        "status": "ok",
        "values": {"conditions": conditions, "rows": [row], "samples": []},
    }
    common = {"spec": None, "metric": "norms", "version": 1, "environment": ENVIRONMENT}
    return Cell(**{**common, "created": "2026-01-01T00:00:00+00:00", "seconds": 1.0, **fields, **changes})


@pytest.mark.parametrize(
    ("verdict", "low", "high", "words"),
    [
        ("faster", 0.5, 0.7, "as claimed"),
        ("faster", 0.94, 0.98, "another saving"),
        ("faster", 0.1, 0.3, "another saving"),
        ("slower", 1.5, 2.0, "contradicted"),
        ("no significant difference", 0.5, 1.5, "not seen"),
    ],
)
def test_a_ratio_is_held_against_the_claim_of_7_to_64_percent_less(
    verdict: str, low: float, high: float, words: str
) -> None:
    assert claim({"verdict": verdict, "ratio": {"low": low, "high": high}}) == words


def test_a_ratio_of_times_becomes_times_faster() -> None:
    assert times_faster({"low": 0.25, "mid": 0.5, "high": 1.0}) == "2 (1 to 4)"


def test_a_failure_is_told_and_what_is_there_is_shown() -> None:
    found = sections([norms(), norms(status="failed", reason="no compiler", values={})])["norms"]
    assert found.failed == ["no compiler"]
    assert len(found.tables["pairs"].rows) == 1


def test_a_page_shows_one_experiment_alone_and_escapes_it() -> None:
    model = Cell(
        spec=spec_record("toy"), metric="params", version=1, settings={}, environment=ENVIRONMENT, status="failed",
        reason="none", created="2026-01-01T00:00:00+00:00", seconds=1.0,
    )  # fmt: skip
    cells = [model, norms()]
    page = html(cells, models_of(cells), "toy")
    assert "RMSNorm against LayerNorm" in page
    assert "Decoding over the context" not in page
    assert HOSTILE not in page
