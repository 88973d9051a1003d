"""What the page draws from specs: the masks of patterns, and which architecture is nearest to which."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from harness.report.frames import Model, models_of
from harness.report.lineage import lineage
from harness.report.masks import CONTEXT, TOKENS, masks
from tests.report.cells import HOSTILE, architecture, cell, cells_of, spec_record
from tests.report.test_report import Page, written


def models(*records: dict[str, Any]) -> list[Model]:
    return models_of([cell(spec_record(**record), "params", None) for record in records])


def with_pattern(**options: Any) -> dict[str, Any]:
    return {**architecture(pattern=options), "blocks": {"all": {}}, "layers": ["all"]}


def test_a_mask_has_the_pairs_that_its_pattern_leaves_visible() -> None:
    drawn = {mask.pattern: mask for mask in masks(models({"name": "toy"}))}
    triangle = TOKENS * (TOKENS + 1) // 2
    assert drawn["dense"].visible == triangle
    # 256 of 1024 tokens are 8 of 32.
    assert drawn["banded, window 256"].visible == 8 * TOKENS - 8 * 7 // 2
    assert drawn["banded, window 256"].path.count("M") == drawn["banded, window 256"].visible
    assert "M0 7h1" in drawn["banded, window 256"].path
    assert "M0 8h1" not in drawn["banded, window 256"].path
    (prefix,) = masks(models({"name": "toy", "architecture": with_pattern(kind="prefix")}))
    assert prefix.visible == triangle + CONTEXT * (CONTEXT - 1) // 2


def test_a_window_that_is_a_small_part_of_a_long_sequence_is_still_seen() -> None:
    long = with_pattern(kind="banded", window=256)
    long["dims"] = {**long["dims"], "max_seq_len": 1 << 20}
    (mask,) = masks(models({"name": "toy", "architecture": long}))
    assert mask.visible == 4 * TOKENS - 4 * 3 // 2


def test_a_pattern_of_another_version_is_not_drawn() -> None:
    assert masks(models({"name": "toy", "architecture": with_pattern(kind="unheard of")})) == []


def test_a_model_stands_under_the_earlier_one_that_differs_least() -> None:
    layernorm = {"norm": {"kind": "layernorm", "eps": 1e-6}}
    (first,) = lineage(
        models(
            {"name": "first", "released": "2018", "architecture": architecture(**layernorm)},
            {"name": "second", "released": "2019"},
            {"name": "third", "released": "2020", "architecture": architecture(residual={"kind": "post"})},
            {"name": "again", "released": "2021"},
            {"name": "variant", "released": "2022", "provenance": "variant"},
            {"name": "undated", "released": ""},
        )
    )
    (second,) = first.below
    (third,) = second.below
    assert (first.names, second.names, third.names) == (["first"], ["second", "again"], ["third"])
    assert second.changes == [("norm", "layernorm", "rmsnorm")]
    assert third.changes == [("residual", "pre", "post")]
    assert third.below == []


def test_titles_stay_text_in_drawings(tmp_path: Path) -> None:
    html = written(tmp_path, [*cells_of("toy"), *cells_of("evil", title=HOSTILE, released="2025-01-01")])
    assert Page(html).text.count(HOSTILE) >= 2
    assert HOSTILE not in html
