from __future__ import annotations

from harness.report.exact import markdown
from harness.report.frames import models_of
from tests.report.cells import ENVIRONMENT, cell, cells_of, claim, spec_record


def test_every_exact_figure_stands_in_its_row() -> None:
    text = markdown(models_of(cells_of("toy")))
    assert "| toy | 14,040 | 14,040 | 12,040 | 1,000 | 0 | 4,000 | 8,000 | 40 | 1,000 |" in text
    flops = "3,072 | 2,049 | 3 | 2 | 9,007,199,254,740,993 | 9,007,199,254,740,991"
    assert f"| toy | 1,024 | {flops} |" in text
    assert "| toy | 1,024 | 2,048 | 0 | 2,097,152 | 1,508,608 | 2,099,200 |" in text
    source = "[A paper](<https://example.org/paper>) | Table 1"
    assert f"| toy | agrees | params | 14K | 14,040 | +0.286 % | {source} |" in text
    assert "`harness run`" in text
    assert "`harness report`" in text


def test_nothing_in_it_depends_on_time_versions_or_machine() -> None:
    here = cells_of("toy")
    there = [
        each.model_copy(update={"environment": {"packages": {"torch": "9.9"}}, "created": "2031-01-01", "seconds": 9})
        for each in here
    ]
    assert markdown(models_of(here)) == markdown(models_of(there))
    assert "abacus" in str(ENVIRONMENT)
    assert "abacus" not in markdown(models_of(here))


def test_what_failed_or_is_missing_is_shown_with_the_reason() -> None:
    text = markdown(models_of([cell(spec_record("toy"), "params", None)]))
    assert "| toy | n/a (failed: the counters disagree) | n/a |" in text
    assert "| toy | 1,024 | n/a (not measured) | n/a | n/a | n/a (not measured) | n/a |" in text
    assert "| toy | flops | not measured |" in text
    assert "No spec states a published figure." in text


def test_a_length_that_was_not_computed_is_told() -> None:
    cells = cells_of("toy")
    cells[3].values["points"].pop()
    assert "n/a (not computed at this length)" in markdown(models_of(cells))


def test_text_of_a_spec_cannot_break_the_table() -> None:
    rows = [claim(1e4, 14040, agrees=False, at="a | b\n<script>", url="javascript:alert(1)")]
    text = markdown(models_of([cell(spec_record("toy"), "claims", {"claims": rows})]))
    assert "a \\| b &lt;script>" in text
    assert "javascript:" not in text
    assert "**differs**" in text
