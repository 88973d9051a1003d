from __future__ import annotations

from pathlib import Path
from typing import Any

from harness.cells import Cell
from harness.report.frames import models_of
from harness.report.sections import Section
from harness.report.sections.learning import learning
from harness.report.sections.trained import MOST_LINES
from tests.report.cells import HOSTILE, cell, cells_of, spec_record
from tests.report.learned import trained, wide
from tests.report.test_report import Page, written


def section(cells: list[Cell]) -> Section:
    return learning(models_of(cells))["icl_wide"]


def drawn(found: Section, task: str) -> dict[str, dict[str, Any]]:
    return {trace["name"]: trace for trace in found.figures[f"figure-wider-{task}"]["data"]}


def test_tables_hold_models_with_their_errors_and_then_the_predictors() -> None:
    tables = section([wide("toy", 0.125)]).tables
    assert tables["cross_entropy"].heads == ["model", "mean of", "1", "32"]
    assert tables["cross_entropy"].rows == [
        ["toy", "2 seeds", "1.500 ± 0.000", "1.375 ± 0.062"],
        ["Bayes", "", "1.375", "1.250"],
        ["unigram", "", "1.438", "1.312"],
        ["chance", "", "1.386", "1.386"],
    ]
    assert tables["accuracy"].rows[1:3] == [["Bayes", "", "0.250", "0.500"], ["unigram", "", "0.250", "0.375"]]
    assert tables["error"].rows == [
        ["toy", "2 seeds", "1.000 ± 0.000", "0.125 ± 0.062"],
        ["least squares", "", "1.000", "0.000"],
        ["zero", "", "1.000", "0.969"],
    ]
    reached = ["1.375, 1.375", "33.2, 33.2", "110,036", "0.003", "0.125, 0.125", "22.2, 22.2"]
    assert tables["training"].rows == [["toy", "110,036", "0.003", *reached]]


def test_lines_have_errors_and_the_predictors_beside_them() -> None:
    found = section([wide("toy", 0.125), wide("other", seeds=1)])
    chains, functions = drawn(found, "markov"), drawn(found, "regression")
    assert list(chains) == ["other", "toy", "Bayes", "unigram", "chance"]
    assert (chains["toy"]["x"], chains["toy"]["y"]) == (["1", "32"], [1.5, 1.375])
    assert chains["toy"]["error_y"]["array"] == [0, 0.0625]
    assert chains["other"]["error_y"]["array"] == [None, None]
    assert chains["Bayes"]["y"] == [1.375, 1.25]
    assert chains["chance"]["y"] == [1.386, 1.386]
    assert list(functions) == ["other", "toy", "least squares", "zero"]
    assert functions["least squares"]["y"] == [1, 0]
    assert all(chains[name]["meta"] == {"reference": True} for name in ("Bayes", "unigram", "chance"))
    assert found.tables["error"].rows[0][:2] == ["other", "one seed only"]
    assert len(found.made_with) == 2


def test_results_over_other_points_stand_side_by_side() -> None:
    short = wide("short")
    for key in ("known", "examples"):
        of = short.values["markov" if key == "known" else "regression"]
        for name in ("cross_entropy", "accuracy", "error"):
            if name in of:
                of[name] = {what: points[:1] for what, points in of[name].items() if points}
        of[key] = of[key][:1]
    found = section([short, wide("toy")])
    assert found.tables["cross_entropy"].rows[0] == ["short", "2 seeds", "1.375 ± 0.000", "n/a"]
    assert drawn(found, "regression")["least squares"]["x"] == ["0", "3"]


def test_of_too_many_models_one_a_distinct_set_of_choices_is_drawn() -> None:
    found = section([wide(f"toy-{index:02}") for index in range(MOST_LINES + 1)])
    assert list(drawn(found, "regression")) == ["toy-00", "least squares", "zero"]
    assert len(found.tables["error"].rows) == MOST_LINES + 3
    assert found.made_with[-1] == "Lines are of 1 of 15 models"


def test_the_page_has_the_section_where_there_are_results(tmp_path: Path) -> None:
    def ids(page: str) -> set[str | None]:
        return {attributes.get("id") for _, attributes in Page(page).elements}

    without = written(tmp_path / "without", [*cells_of("toy"), trained("toy")])
    assert "learning-wider" not in ids(without)
    html = written(tmp_path / "with", [*cells_of("toy"), wide("toy"), *cells_of("other")])
    assert {"learning", "learning-wider", "figure-wider-markov", "figure-wider-regression"} <= ids(html)
    assert "learning-trained" not in ids(html)
    assert "not shown on this page" not in html


def test_a_result_that_failed_is_told_and_text_of_results_stays_text(tmp_path: Path) -> None:
    failed = cell(spec_record("toy"), "icl_wide", None, reason=HOSTILE)
    assert section([failed]).tables == {}
    page = Page(written(tmp_path, [*cells_of("toy"), failed, *cells_of("evil", title=HOSTILE), wide("evil")]))
    assert [tag for tag, _ in page.elements].count("script") == 4
    assert not [tag for tag, _ in page.elements if tag in ("img", "b")]
    assert f"Failed: toy: {HOSTILE}" in page.text
