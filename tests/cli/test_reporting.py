"""Stored results as one table, as a summary for CI, and as a page of some specs."""

from __future__ import annotations

import csv
import io
from pathlib import Path

import pytest

from harness.cells import Cell
from harness.metrics import metrics
from harness.report.frames import models_of
from harness.report.summary import cut, summary
from tests.cli.calling import Call
from tests.report.cells import HOSTILE, cell, cells_of, spec_record, store


def today(cells: list[Cell]) -> list[Cell]:
    """Results as of the metrics as they are now."""
    return [each.model_copy(update={"version": metrics[each.metric].version}) for each in cells]


@pytest.fixture
def stored(tmp_path: Path) -> Path:
    """Results of three specs, one of which has a failed metric."""
    broken = [cell(spec_record("broken"), "params", None)]
    return store(tmp_path / "reports", today([*cells_of("toy"), *cells_of("twin", 2), *broken]))


def test_a_summary_tells_what_failed_what_differs_and_all_models(call: Call, stored: Path) -> None:
    outcome = call("report", "--format", "markdown")
    assert (outcome.code, outcome.err) == (0, "")
    assert outcome.out.startswith("# harness\n\n10 of 15 results that count are stored.\n")
    lines = outcome.out.splitlines()
    assert "| broken | params | failed: the counters disagree |" in lines
    assert "| twin | params | A paper | 14K | 28,080 | +101 % |" in lines
    assert [line.split(" | ")[0] for line in lines[-5:]] == ["| model", "| ---", "| toy", "| twin", "| broken"]
    assert sorted(path.name for path in stored.iterdir()) == ["results"]


def test_a_summary_is_inert(tmp_path: Path) -> None:
    text = summary(models_of(cells_of("toy", 2, sources={}, title=HOSTILE, provenance=HOSTILE)))
    assert "</script>" not in text
    assert "<img" not in text


def test_a_summary_stays_below_its_limit(tmp_path: Path) -> None:
    text = summary(models_of([each for number in range(300) for each in cells_of(f"m{number}", 2)]), 20_000)
    assert 19_000 < len(text.encode()) <= 20_000
    assert text.splitlines()[-1].endswith("lines are left out.")


@pytest.mark.parametrize("limit", range(30, 60))
def test_a_cut_text_has_no_more_bytes_than_allowed(limit: int) -> None:
    assert len(cut("é" * 7 + "\n" + "ab\n" * 20, limit).encode()) <= limit


def test_the_table_of_models_has_all_digits_as_csv(call: Call, stored: Path) -> None:
    rows = list(csv.DictReader(io.StringIO(call("report", "--format", "csv").out)))
    assert [(row["name"], row["params"], row["kv"]) for row in rows] == [
        ("toy", "14040", "2048"),
        ("twin", "28080", "4096"),
        ("broken", "", ""),
    ]
    assert call("report", "--format", "json").data[0]["params"] == 14040
    assert "14.0K" in call("report", "--format", "table").out


def test_a_page_of_some_specs_has_them_and_the_baseline(call: Call, stored: Path) -> None:
    assert call("report").out.splitlines() == ["reports/index.html", "reports/exact.md"]
    whole = (stored / "exact.md").read_text()
    outcome = call("report", "tw*", "--baseline", "toy")
    assert (outcome.code, outcome.out, outcome.err) == (0, "reports/index.html\n", "")
    page = (stored / "index.html").read_text()
    assert ("TOY" in page, "TWIN" in page, "BROKEN" in page) == (True, True, False)
    assert (stored / "exact.md").read_text() == whole


def test_a_spec_of_ones_own_is_named_by_its_file(call: Call, stored: Path, tmp_path: Path) -> None:
    (tmp_path / "changed.yaml").write_text("name: twin\nextends: llama-7b\n")
    rows = call("report", "changed.yaml", "--format", "json").data
    assert [row["name"] for row in rows] == ["twin"]


def test_specs_without_results_are_told(call: Call, stored: Path) -> None:
    outcome = call("report", "llama-7b")
    assert (outcome.code, outcome.err) == (2, "no results of 'llama-7b'; `harness run llama-7b` makes them\n")
    assert call("report", "twinn").err == "no results of 'twinn'; did you mean 'twin'?\n"


def test_the_page_is_opened_on_demand(call: Call, stored: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    opened: list[str] = []
    monkeypatch.setattr("webbrowser.open", lambda address: not opened.append(address))
    assert call("report", "--open").err == ""
    assert opened == [(stored / "index.html").as_uri()]
    monkeypatch.setattr("webbrowser.open", lambda address: False)
    assert call("report", "--open").err == "no browser was found; open reports/index.html in one\n"
    assert call("report", "--open", "--format", "csv").code == 2
