from __future__ import annotations

from pathlib import Path
from typing import Any

from harness.cells import Cell
from harness.report.frames import models_of
from harness.report.sections import Section
from harness.report.sections.frontier import frontier
from harness.report.sections.learning import learning
from harness.report.sections.trained import MOST_LINES
from tests.report.cells import HOSTILE, cell, cells_of, spec_record
from tests.report.learned import released, trained
from tests.report.test_report import Page, written


def section(cells: list[Cell], metric: str = "icl") -> Section:
    return learning(models_of(cells))[metric]


def drawn(found: Section, place: str) -> dict[str, dict[str, Any]]:
    return {trace["name"]: trace for trace in found.figures[f"figure-learning-{place}"]["data"]}


def test_tables_hold_accuracies_with_their_errors_and_every_seed() -> None:
    tables = section([trained("toy")]).tables
    assert tables["classification"].heads == ["model", "mean of", "0", "16"]
    assert tables["classification"].rows == [["toy", "2 seeds", "0.125 ± 0.000", "0.750 ± 0.062"]]
    assert tables["recall"].rows == [["toy", "2 seeds", "1.000 ± 0.000", "0.375 ± 0.062"]]
    assert tables["seeds"].rows[1] == ["toy", "1", "0.125", "0.812", "1.000", "0.406"]
    steps = "839, over 1,500"
    costs = ["25.0 KiB", "1.00 MFLOPs"]
    assert tables["training"].rows == [["toy", "", "109,926", "0.003", *costs, steps, "33.2, 33.2", "-, -"]]


def test_learning_rates_are_shown_with_their_losses_by_all_that_any_model_tried() -> None:
    further = trained("other", params=109_927)
    further.values["rates"] = [{"rate": 0.01, "held_out": 1.5}]
    table = section([trained("toy"), further]).tables["rates"]
    assert table.heads == ["model", "best", "0.001", "0.003", "0.01"]
    assert table.rows == [["other", "0.003", "", "", "1.500"], ["toy", "0.003", "diverged", "1.250", ""]]


def test_of_one_seed_no_error_is_known() -> None:
    one = trained("toy")
    one.values["seeds"] = one.values["seeds"][:1]
    for task in ("classification", "recall"):
        one.values[task]["standard_error"] = None
    found = section([one])
    assert found.tables["classification"].rows == [["toy", "one seed only", "0.125", "0.750"]]
    assert drawn(found, "shots")["toy"]["error_y"]["array"] == [None, None]
    assert drawn(found, "recall-state")["toy"]["error_y"]["array"] == [None]


def test_lines_have_errors_and_stand_between_chance_and_the_ceiling() -> None:
    lines = drawn(section([trained("toy")]), "shots")
    assert list(lines) == ["toy", "chance", "Bayes ceiling"]
    assert (lines["toy"]["x"], lines["toy"]["y"]) == (["0", "16"], [0.125, 0.75])
    assert lines["toy"]["error_y"]["array"] == [0, 0.0625]
    assert lines["Bayes ceiling"]["y"] == [0.125, 0.99]
    assert list(drawn(section([trained("toy")]), "recall")) == ["toy", "chance"]


def test_ways_are_compared_by_their_mean_over_the_models() -> None:
    found = section([trained("one", 0.5), trained("two", 0.75, params=109_927)])
    assert list(drawn(found, "adaptation")) == ["in context", "fine-tuning", "chance"]
    assert drawn(found, "adaptation")["fine-tuning"]["y"] == [0.625]
    assert drawn(found, "adaptation")["fine-tuning"]["error_y"]["array"] == [0.125]
    assert drawn(found, "adaptation")["chance"]["y"] == [0.125]
    once, tuned = found.tables["adaptation"].rows[1:]
    assert once == ["in context, read once", "4", "the same", "500 kFLOPs", "0.25", "2"]
    assert tuned == ["fine-tuning", "4", "0.625 ± 0.125", "3.00 MFLOPs", "0.25", "2"]
    assert section([trained("one")]).tables["adaptation"].rows[0][2] == "0.750 ± 0.020"


def test_both_ways_to_read_examples_stand_together() -> None:
    """Though the first of the models has only one of them."""
    one = trained("one", 0.5)
    del one.values["adaptation"][1]
    rows = section([one, trained("two", 0.75, params=109_927)]).tables["adaptation"].rows
    assert [(row[0], row[-1]) for row in rows] == [
        ("in context", "2"),
        ("in context, read once", "1"),
        ("fine-tuning", "2"),
    ]


def test_ways_are_told_of_every_model_with_costs_left_out() -> None:
    one = trained("one", 0.5)
    del one.values["adaptation"][2]
    table = section([one, trained("two", 0.75, params=109_927)]).tables["adaptations"]
    assert table.heads == ["model", "in context, 4", "fine-tuning, 4"]
    assert table.rows == [["one", "0.500 ± 0.020", "n/a"], ["two", "0.750 ± 0.020", "0.750 ± 0.020"]]


def test_losses_are_means_over_the_seeds() -> None:
    line = drawn(section([trained("toy")]), "losses")["toy"]
    assert (line["x"], line["y"]) == ([50, 100], [4.5, 2])


NOPE = {"kind": "none"}
BANDED = {"kind": "banded", "window": 6}


def whole(name: str, accuracy: float, **choices: Any) -> Cell:
    """A result of a model whose layers are alike."""
    found = trained(name, accuracy, **choices)
    found.values["model"]["blocks"] = {}
    return found


def test_rankings_are_of_models_that_differ_in_one_choice_and_hold_or_not_seed_by_seed() -> None:
    cells = [
        whole("a-banded", 0.25, pattern=BANDED),
        whole("b-dense", 0.75),
        whole("c-nope", 0.5, position=NOPE),
        whole("d-both", 0.125, position=NOPE, pattern=BANDED),
        whole("e-alibi", 0.125, position={"kind": "alibi"}),
        trained("f-mixed", 0.125),
    ]
    low = next(seed for seed in cells[1].values["seeds"] if seed["seed"] == 0)
    low["recall"] = [1.0, 0.125]
    table = section(cells).tables["ranked"]
    rotary, full = "rotary positions against none", "all of the context against a window"
    both = "all 2 seeds; by chance 1 in 2"
    assert table.rows == [
        [rotary, "a-banded", "d-both", "0.094, 0.156", "0.031, 0.094", "0.062 (0.062 to 0.062)", both],
        [rotary, "b-dense", "c-nope", "0.125, 0.406", "0.219, 0.281", "0.016 (-6.947 to 6.978)", "1 of 2 seeds"],
        [full, "b-dense", "a-banded", "0.125, 0.406", "0.094, 0.156", "0.141 (-6.822 to 7.103)", both],
        [full, "c-nope", "d-both", "0.219, 0.281", "0.031, 0.094", "0.188 (0.188 to 0.188)", both],
    ]
    assert "ranked" not in section(cells[3:]).tables


def test_models_trained_otherwise_are_not_ranked() -> None:
    cells = [whole("dense", 0.75), whole("nope", 0.5, position=NOPE)]
    changed = cells[1].model_copy(update={"settings": {**cells[1].settings, "params": 100_000}})
    assert "ranked" not in section([cells[0], changed]).tables


def test_objectives_of_the_same_architecture_stand_under_each_other() -> None:
    blanks = {"kind": "blank_infilling", "shuffle_spans": True}
    ordered = {**blanks, "shuffle_spans": False}
    cells = [
        trained("causal"),
        trained("blanks", 0.25, objective=blanks),
        trained("ordered", 0.5, objective=ordered),
        trained("other", 0.5, objective=blanks, norm={"kind": "layernorm"}),
        trained("a-layernorm", norm={"kind": "layernorm"}),
        trained("gelu", objective=blanks, mlp={"kind": "gelu", "intermediate_size": 2048}),
    ]
    cells[1] = cells[1].model_copy(update={"settings": {**cells[1].settings, "longer": [6000]}})
    cells[1].values["longer"] = [{"steps": 6000, "classification": [0.125, 0.5], "recall": [1.0, 0.2]}]
    assert section(cells).tables["objectives"].rows == [
        ["a-layernorm", "causal_lm", "1,500", "0.750 ± 0.062", "0.375 ± 0.062"],
        ["other", "blank_infilling, shuffle_spans True", "1,500", "0.500 ± 0.062", "0.250 ± 0.062"],
        ["blanks", "blank_infilling, shuffle_spans True", "1,500", "0.250 ± 0.062", "0.125 ± 0.062"],
        ["blanks", "blank_infilling, shuffle_spans True", "6,000", "0.500", "0.200"],
        ["causal", "causal_lm", "1,500", "0.750 ± 0.062", "0.375 ± 0.062"],
        ["ordered", "blank_infilling, shuffle_spans False", "1,500", "0.500 ± 0.062", "0.250 ± 0.062"],
    ]
    assert "objectives" not in section([cells[0], cells[3], cells[5]]).tables


def test_options_of_an_objective_are_distinct_choices() -> None:
    objectives = [{"kind": "blank_infilling", "shuffle_spans": shuffled} for shuffled in (True, False)]
    count = MOST_LINES + 2
    cells = [trained(f"toy-{n:02}", params=109_000 + n, objective=objectives[n % 2]) for n in range(count)]
    assert list(drawn(section(cells), "shots"))[:-2] == ["toy-00", "toy-01"]


def test_the_frontier_leaves_out_what_is_dearer_and_no_better() -> None:
    assert frontier([(4, 0.5), (1, 0.2), (2, 0.5), (2, 0.4), (8, 0.9)]) == [(1, 0.2), (2, 0.5), (8, 0.9)]
    found = section([trained("few", 0.5, kv_heads=1), trained("many", 0.75), trained("worse", 0.25, params=109_927)])
    line = drawn(found, "classification-state")["Pareto frontier"]
    assert (line["x"], line["y"]) == ([12_800, 25_600], [0.5, 0.75])


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
    assert drawn(found, "weights")["chance"]["y"] == [0.25, 0.25]


def test_the_page_has_the_section_where_there_are_results(tmp_path: Path) -> None:
    without = written(tmp_path / "without", cells_of("toy"))
    assert "learning" not in {attributes.get("id") for _, attributes in Page(without).elements}
    learned = [trained("toy"), trained("other", 0.5, objective={"kind": "blank_infilling", "shuffle_spans": True})]
    html = written(tmp_path / "with", [*cells_of("toy"), *learned, *cells_of("other")])
    assert "blank_infilling, shuffle_spans True" in html
    ids = {attributes.get("id") for _, attributes in Page(html).elements}
    figures = {f"figure-learning-{place}" for place in ("shots", "recall", "losses", "adaptation", "recall-state")}
    assert {"learning", *figures} <= ids
    assert "figure-learning-weights" not in ids
    assert "Nothing failed, and no model lacks an exact figure." in html
    assert "not shown on this page" not in html


def test_text_of_results_stays_text(tmp_path: Path) -> None:
    cells = [released(spec_record("toy"), HOSTILE), cell(spec_record("toy"), "icl", None, reason=HOSTILE)]
    page = Page(written(tmp_path, [*cells_of("toy"), *cells]))
    assert [tag for tag, _ in page.elements].count("script") == 4
    assert not [tag for tag, _ in page.elements if tag in ("img", "b")]
    assert f"Failed: toy: {HOSTILE}" in page.text
    assert page.text.count(HOSTILE) >= 3
