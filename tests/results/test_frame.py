"""Stored results as a frame."""

from __future__ import annotations

from pathlib import Path

import harness
from tests.report.cells import cell, cells_of, spec_record, store


def test_each_number_has_a_row(tmp_path: Path) -> None:
    frame = harness.results(store(tmp_path, [*cells_of("toy"), *cells_of("twin", 2)]))
    params = frame[(frame.metric == "params") & (frame.figure == "total")]
    assert list(zip(params.spec, params.value, params.seq_len, params.status, strict=True)) == [
        ("toy", 14040, None, "ok"),
        ("twin", 28080, None, "ok"),
    ]
    train = frame[(frame.spec == "toy") & (frame.figure == "points.train.full")]
    assert dict(zip(train.seq_len, train.value, strict=True)) == dict.fromkeys((256, 512, 1024), 9_007_199_254_740_993)
    assert set(frame[frame.figure == "longest_context.1.tokens"].value) == {20071}


def test_failures_and_experiments_have_their_rows(tmp_path: Path) -> None:
    broken = cell(spec_record("broken"), "params", None)
    timed = cell(spec_record("x"), "norms", {"rows": [{"name": "a", "ratio": 1.5}]}, settings={"n": 1})
    timed = timed.model_copy(update={"spec": None})
    frame = harness.results(store(tmp_path, [broken, timed]))
    columns = ["spec", "metric", "settings", "status", "reason", "figure", "value"]
    assert frame[columns].to_numpy().tolist() == [
        ["", "norms", '{"n": 1}', "ok", "", "rows.0.name", "a"],
        ["", "norms", '{"n": 1}', "ok", "", "rows.0.ratio", 1.5],
        ["broken", "params", "{}", "failed", "the counters disagree", "", None],
    ]
