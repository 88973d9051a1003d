from __future__ import annotations

from pathlib import Path
from typing import Any

from harness.report.frames import models_of
from harness.report.learning import MOST_LINES, frontier, learning
from harness.report.measured import Section
from harness.results import Cell
from tests.report.cells import HOSTILE, cell, cells_of, spec_record
from tests.report.learned import released, trained
from tests.report.test_report import Page, written


def section(cells: list[Cell], metric: str = "icl") -> Section:
    return learning(models_of(cells))[metric]


def drawn(found: Section, place: str) -> dict[str, dict[str, Any]]:
    return {trace["name"]: trace for trace in found.figures[f"figure-learning-{place}"]["data"]}


def test_tables_hold_accuracies_with_their_errors_and_every_seed() -> None:
    tables = section([trained("toy")]).tables
    assert tables["classification"].heads == ["model", "standard error", "0", "16"]
    assert tables["classification"].rows == [["toy", "over seeds", "0.125 ± 0.000", "0.750 ± 0.062"]]
    assert tables["recall"].rows == [["toy", "over seeds", "1.000 ± 0.000", "0.375 ± 0.062"]]
    assert tables["seeds"].rows[1] == ["toy", "1", "0.125", "0.812", "1.000", "0.406"]
    # Four layers of a key and a value of two heads of 16 channels, two bytes each.
    steps = "839, over 1,500"
    assert tables["training"].rows == [["toy", "", "109,926", "512 B", "1.00 MFLOPs", steps, "33.2, 33.2"]]


def test_lines_have_errors_and_stand_between_chance_and_the_ceiling() -> None:
    lines = drawn(section([trained("toy")]), "shots")
    assert list(lines) == ["toy", "chance", "Bayes ceiling"]
    assert (lines["toy"]["x"], lines["toy"]["y"]) == (["0", "16"], [0.125, 0.75])
    assert lines["toy"]["error_y"]["array"] == [0, 0.0625]
    assert lines["Bayes ceiling"]["y"] == [0.125, 0.99]
    assert list(drawn(section([trained("toy")]), "recall")) == ["toy", "chance"]


def test_ways_are_compared_by_their_mean_over_the_models() -> None:
    found = section([trained("one", 0.5), trained("two", 0.75, params=109_927)])
    assert drawn(found, "adaptation")["fine-tuning"]["y"] == [0.625]
    assert drawn(found, "adaptation")["fine-tuning"]["error_y"]["array"] == [0.125]
    assert found.tables["adaptation"].rows[1] == ["fine-tuning", "4", "0.625 ± 0.125", "3.00 MFLOPs", "0.25", "2"]
    assert section([trained("one")]).tables["adaptation"].rows[0][2] == "0.750 ± 0.020"


def test_the_frontier_leaves_out_what_is_dearer_and_no_better() -> None:
    assert frontier([(4, 0.5), (1, 0.2), (2, 0.5), (2, 0.4), (8, 0.9)]) == [(1, 0.2), (2, 0.5), (8, 0.9)]
    found = section([trained("few", 0.5, kv_heads=1), trained("many", 0.75), trained("worse", 0.25, params=109_927)])
    line = drawn(found, "classification-cache")["Pareto frontier"]
    assert (line["x"], line["y"]) == ([256, 512], [0.5, 0.75])


def test_models_that_are_the_same_once_scaled_are_shown_once() -> None:
    found = section([trained("large"), trained("larger"), trained("other", 0.5, params=109_927)])
    assert [row[:2] for row in found.tables["training"].rows] == [["large", "larger"], ["other", ""]]
    assert [row[0] for row in found.tables["recall"].rows] == ["large", "other"]


def test_of_too_many_models_one_a_distinct_set_of_choices_is_drawn() -> None:
    norms = [{"norm": {"kind": "layernorm"}}, {}]
    cells = [trained(f"toy-{index:02}", params=109_000 + index, **norms[index % 2]) for index in range(MOST_LINES + 1)]
    found = section(cells)
    assert list(drawn(found, "shots"))[:-2] == ["toy-00", "toy-01"]
    assert len(found.tables["classification"].rows) == MOST_LINES + 1
    assert found.made_with[-1] == "Lines over demonstrations and pairs are of 2 of 15 models"
    assert len(drawn(section(cells[1:]), "shots")) == MOST_LINES + 2


def test_released_weights_show_their_tasks_and_what_they_cost() -> None:
    found = section([released(spec_record("toy"))], "icl_weights")
    assert found.tables["accuracy"].rows == [
        ["toy", "capital", "0.250", "0.250", "0.500 ± 0.062"],
        ["toy", "mean over tasks", "", "0.250", "0.500 ± 0.062"],
    ]
    assert found.tables["cost"].rows[1] == ["toy", "5", "0", "12,000", "3,000", "1.5"]
    assert drawn(found, "weights")["toy"]["error_y"]["array"] == [None, 0.0625]


def test_the_page_has_the_section_where_there_are_results(tmp_path: Path) -> None:
    without = written(tmp_path / "without", cells_of("toy"))
    assert "learning" not in {attributes.get("id") for _, attributes in Page(without).elements}
    html = written(tmp_path / "with", [*cells_of("toy"), trained("toy"), *cells_of("other")])
    ids = {attributes.get("id") for _, attributes in Page(html).elements}
    assert {"learning", "figure-learning-shots", "figure-learning-recall-cache"} <= ids
    assert "figure-learning-weights" not in ids
    assert "Nothing: every one of the 10 results" in html
    assert "not shown on this page" not in html


def test_text_of_results_stays_text(tmp_path: Path) -> None:
    cells = [released(spec_record("toy"), HOSTILE), cell(spec_record("toy"), "icl", None, reason=HOSTILE)]
    page = Page(written(tmp_path, [*cells_of("toy"), *cells]))
    assert [tag for tag, _ in page.elements].count("script") == 4
    assert not [tag for tag, _ in page.elements if tag in ("img", "b")]
    assert f"Failed: toy: {HOSTILE}" in page.text
    assert page.text.count(HOSTILE) >= 3
