from __future__ import annotations

from fractions import Fraction

import pytest

from harness.metrics.kv_cache import BITS, constant_bytes, kv_cache_bytes
from harness.report.architecture import summary
from harness.report.frames import (
    breakdown_frame,
    cache_frame,
    claims_frame,
    contexts_frame,
    flops_frame,
    models_frame,
    models_of,
    pairs_frame,
    patterns_frame,
    problems_frame,
)
from harness.report.page import defaults
from harness.report.tables import claims_table
from harness.spec.diff import flattened
from harness.spec.library import load_spec
from tests.report.cells import architecture, cell, cells_of, claim, spec_record, values


def test_models_come_by_family_size_and_name() -> None:
    cells = [
        *cells_of("big", 3),
        *cells_of("b-small"),
        *cells_of("a-small"),
        *cells_of("other", 2, family="Another"),
        cell(spec_record("unknown"), "params", None),
    ]
    assert [model.name for model in models_of(cells)] == ["other", "a-small", "b-small", "big", "unknown"]
    assert models_of(reversed(cells))[0].name == "other"


def test_exact_figures_stay_integers_beside_a_gap() -> None:
    cells = [*cells_of("whole"), cell(spec_record("broken"), "flops", None)]
    frame = models_frame(models_of(cells))
    assert frame.loc["whole", "params"] == 14040
    assert frame.loc["broken", "params"] is None
    assert frame.loc["whole", "prefill"] == Fraction(2 * 1024 + 1, 1024)
    assert frame.loc["whole", "train"] == Fraction(9_007_199_254_740_991, 1024)
    flops = flops_frame(models_of(cells))
    train = flops[(flops["phase"] == "train") & (flops["pairs"] == "full")]["flops"]
    assert list(train) == [9_007_199_254_740_993] * 3
    assert all(isinstance(value, int) for value in train)


def test_frames_hold_what_the_metrics_returned() -> None:
    models = models_of(cells_of("toy"))
    assert breakdown_frame(models).loc["toy"].to_dict() == values()["params"]["breakdown"]
    assert list(cache_frame(models)["bytes"]) == [2048 * 256, 2048 * 512, 2048 * 1024]
    assert list(contexts_frame(models)["tokens"]) == [0, 20071, None]
    assert list(pairs_frame(models)["dense"]) == [4 * n * (n + 1) // 2 for n in (256, 512, 1024)]
    patterns = patterns_frame([*models, *models_of(cells_of("twin"))])
    assert list(patterns["pattern"]) == ["banded, window 256"] * 3 + ["dense"] * 3
    assert list(patterns[patterns["pattern"] == "dense"]["visible"]) == [n * (n + 1) // 2 for n in (256, 512, 1024)]


def test_the_newest_result_counts_and_those_of_an_older_form_of_the_spec_do_not() -> None:
    old, new = spec_record("toy", hash="old"), spec_record("toy", hash="new")
    earlier, later = "2025-01-01T00:00:00+00:00", "2025-01-02T00:00:00+00:00"
    cells = [
        cell(old, "flops", values()["flops"], created=earlier),
        cell(new, "params", values(2)["params"], created=later, settings={"profile": "full"}),
        cell(new, "params", values(1)["params"], created=earlier, settings={"profile": "quick"}),
    ]
    (model,) = models_of(cells)
    assert model.values("params") == values(2)["params"]
    assert model.values("flops") is None
    assert model.why("flops") == "not measured"


def test_more_seeds_count_more_than_being_new_unless_the_metric_has_changed() -> None:
    spec = spec_record("toy")
    dates = [f"2025-01-0{day}T00:00:00+00:00" for day in (1, 2, 3)]
    three = cell(spec, "icl", {"seeds": 3}, created=dates[0], settings={"seeds": [0, 1, 2]})
    one = cell(spec, "icl", {"seeds": 1}, created=dates[1], settings={"seeds": [0]})
    changed = cell(spec, "icl", {"seeds": 1}, created=dates[2], settings={"seeds": [0]}, version=2)
    assert models_of([three, one])[0].cells["icl"] == three
    assert models_of([three, one, changed])[0].cells["icl"] == changed


def test_figures_that_differ_stand_first_with_their_relative_difference() -> None:
    spec = spec_record("toy")
    rows = [claim(14e3, 14040, agrees=True), claim(1e4, 14040, agrees=False), claim(0, 14040, agrees=False)]
    frame = claims_frame(models_of([cell(spec, "claims", {"claims": rows})]))
    assert list(frame["agrees"]) == [False, False, True]
    assert list(frame["relative"]) == [Fraction(404, 1000), None, Fraction(40, 14000)]
    assert claims_frame([]).empty


def test_a_bound_has_no_difference_and_is_told_as_one() -> None:
    rows = [claim(8192, 100383, agrees=True, metric="tokens_in_6_gb_int4", bound=True)]
    models = models_of([cell(spec_record("toy"), "claims", {"claims": rows})])
    (shown,) = claims_table(models)
    assert (shown.published, shown.computed, shown.relative) == ("8.192K", "at most 100,383", "n/a")


def test_failed_and_missing_results_are_told_with_their_reason() -> None:
    spec = spec_record("toy")
    frame = problems_frame(models_of([cell(spec, "params", None), cell(spec, "norm_speed", None, reason="")]))
    reasons = dict(zip(frame["metric"], frame["reason"], strict=True))
    assert reasons["params"] == "failed: the counters disagree"
    assert reasons["norm_speed"] == "failed: no reason was stored"
    assert reasons["flops"] == "not measured"
    assert problems_frame(models_of(cells_of("toy"))).empty


def test_a_summary_names_what_blocks_choose() -> None:
    found = summary(architecture())
    assert found["pattern"] == "2 \N{MULTIPLICATION SIGN} dense; 2 \N{MULTIPLICATION SIGN} banded, window 256"
    assert (found["heads"], found["channels"], found["mlp"], found["width"]) == ("8/2", 64, "swiglu", 2048)


def test_a_summary_names_the_heads_of_blocks_that_differ() -> None:
    dense, banded = ({"query": 8, "key_value": kv, "channels": 64} for kv in (2, 1))
    assert summary({**architecture(), "heads": {"dense": dense, "banded": banded}})["heads"] == "8/2 / 8/1"


def test_every_option_has_a_dotted_name() -> None:
    flat = flattened(architecture())
    assert flat["hidden_size"] == 512
    assert flat["norm"] == "rmsnorm"
    assert flat["norm.eps"] == 1e-6
    assert flat["layers"] == "dense, banded"
    assert flat["banded: pattern.window"] == 256


def test_figures_show_the_relative_of_the_baselines_size_of_each_family() -> None:
    models = models_of(
        [
            *cells_of("base", 4),
            *cells_of("variant-4", 4, family="Other", provenance="variant"),
            *cells_of("small", 1, family="Other"),
            *cells_of("near", 5, family="Other"),
            *cells_of("only-a-variant", 9, family="Third", provenance="variant"),
        ]
    )
    assert defaults(models, "base") == ["near", "only-a-variant", "base"]


@pytest.mark.parametrize("name", ["llama-7b", "gpt3-small", "mamba2-2-7b", "jamba-v0-1", "deepseek-v2-lite"])
def test_a_cache_in_another_format_follows_from_the_stored_one(name: str) -> None:
    """As the page works it out for its bar: what grows has as many bits a number as the format, the rest is stored."""
    spec = load_spec(name)
    for dtype, bits in BITS.items():
        for n in (256, spec.dims.max_seq_len):
            numbers = (kv_cache_bytes(spec, n) - constant_bytes(spec)) // 2
            assert constant_bytes(spec, dtype) + numbers * bits // 8 == kv_cache_bytes(spec, n, 1, dtype)
