"""What was timed, on the page: wording, verdicts on the claim, and a page with some of the experiments only."""

from __future__ import annotations

from typing import Any

import pytest

from harness.cells import Cell
from harness.report.frames import models_of
from harness.report.page import html
from harness.report.sections import times_faster
from harness.report.sections.attention import _crossover, _law, _speeds
from harness.report.sections.measured import measured
from harness.report.sections.norms import claim
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
        "settings": {
            "implementation": "textbook",
            "dtype": "float32",
            "shapes": [[4, 8]],
            "processes": 5,
            "rounds": 3,
            "device": "cpu",
        },
        "status": "ok",
        "values": {"conditions": conditions, "rows": [row], "samples": []},
    }
    common = {"spec": None, "metric": "norms", "version": 1, "environment": ENVIRONMENT}
    return Cell(**{**common, "created": "2026-01-01T00:00:00+00:00", "seconds": 1.0, **fields, **changes})


def failed() -> Cell:
    return Cell(
        spec=spec_record("toy"), metric="params", version=1, settings={}, environment=ENVIRONMENT, status="failed",
        reason="none", created="2026-01-01T00:00:00+00:00", seconds=1.0,
    )  # fmt: skip


@pytest.mark.parametrize(
    ("verdict", "low", "high", "words"),
    [
        ("faster", 0.5, 0.7, "as claimed"),
        ("faster", 0.3, 0.5, "undecided"),
        ("faster", 0.9, 0.95, "undecided"),
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


def test_what_sparse_attention_is_compared_with_is_shown_alone_too() -> None:
    row = {"pattern": "log_sparse", "options": {"window": 8}, "to": "flex_attention", "seq_len": 4096}
    cell = norms(
        metric="attention",
        settings={"against": "flex_attention", "seq_lens": [4096], "processes": 5, "rounds": 3},
        values={**norms().values, "rows": [{**norms().values["rows"][0], **row}]},
    )
    section = measured([cell])["attention"]["cpu"]
    assert section.figures == {}
    assert section.tables["others"].rows == [
        ["log-sparse (window 8)", "flex_attention", "4,096", "1.67 (1.43 to 2)", "0.91 to 1.11", "faster"]
    ]
    assert set(section.tables) == {"others"}
    cells = [failed(), cell]
    assert "Sparse attention against flex_attention" in html(cells, models_of(cells), "toy")


def attention_rows(verdicts: dict[int, str]) -> list[dict[str, Any]]:
    """A pattern against dense by length, and one length at which dense attention was not timed."""
    rows = [
        {"pattern": "banded", "pass": "forward", "to": "dense", "seq_len": n, "verdict": verdict}
        for n, verdict in verdicts.items()
    ]
    return [*rows, {"pattern": "banded", "pass": "forward", "seq_len": 65536}]


@pytest.mark.parametrize(
    ("verdicts", "words"),
    [
        ({256: "faster", 512: "faster"}, "256"),
        ({512: "faster", 256: "no significant difference", 1024: "faster"}, "512"),
        ({256: "faster", 512: "slower", 1024: "faster"}, "1,024"),
        ({256: "faster", 512: "no significant difference"}, "at no length timed"),
        ({}, ""),
    ],
)
def test_the_crossover_is_where_a_pattern_stays_faster_from(verdicts: dict[int, str], words: str) -> None:
    assert _crossover(attention_rows(verdicts), "banded", "forward") == words


def test_a_recurrence_stands_beside_the_patterns_without_pairs() -> None:
    interval = {"low": 0.5, "mid": 0.5, "high": 0.5}
    row: dict[str, Any] = {
        "pattern": "mamba2",
        "options": {"state_size": 128},
        "pass": "forward",
        "seq_len": 512,
        "to": "dense",
    }
    row |= {"pairs": None, "flops": 2_000_000, "seconds": interval, "share_of_product": interval}
    row |= {"share_of_peak": interval, "ratio": interval, "noise": [0.9, 1.1], "verdict": "faster"}
    table = _speeds([row])
    assert table.rows[0][:5] == ["Mamba-2 (state_size 128)", "forward", "512", "none", "2.00 MFLOPs"]


def test_what_the_times_do_not_decide_is_told_as_such() -> None:
    law = {"of": "forward", "plausible": ["n log n", "n√n"], "exponent": {"low": 1.1, "mid": 1.2, "high": 1.3}}
    assert _law(law) == ("n log n or n√n", "1.20 (1.10 to 1.30)")
    assert _law({**law, "plausible": ["n", "n log n", "n√n"]})[0] == "undecided"


def test_results_of_two_devices_stand_side_by_side_in_places_of_their_own() -> None:
    on_gpu = {**norms().settings, "device": "a GPU"}
    cells = [norms(settings=on_gpu), norms(), failed()]
    assert list(measured(cells)["norms"]) == ["cpu", "a GPU"]
    page = html(cells, models_of(cells), "toy")
    assert page.index("<h4>cpu</h4>") < page.index("<h4>a GPU</h4>")


def test_the_claim_of_norms_is_summed_up_for_each_pairing() -> None:
    cell = norms()
    row = cell.values["rows"][0]
    slower = {"verdict": "slower", "ratio": {"low": 1.4, "mid": 1.5, "high": 1.6}}
    cell.values["rows"] = [row, {**row, **slower}, {**row, **slower, "pass": "training"}]
    table = measured([cell])["norms"]["cpu"].tables["verdicts"]
    assert [row[1:] for row in table.rows] == [
        ["float32", "forward", "2", "0.60 to 1.50", "1", "1", "0", "as claimed in 1, contradicted in 1"],
        ["float32", "training", "1", "1.50 to 1.50", "0", "1", "0", "contradicted in 1"],
    ]


def test_of_two_results_of_norms_the_one_with_more_shapes_is_shown() -> None:
    more = norms(settings={**norms().settings, "shapes": [[4, 8], [8, 8]]})
    more.values["rows"] = [more.values["rows"][0]] * 2
    later = norms(created="2026-02-01T00:00:00+00:00")
    assert len(measured([more, later])["norms"]["cpu"].tables["pairs"].rows) == 2


def test_a_failure_is_told_and_what_is_there_is_shown() -> None:
    found = measured([norms(), norms(status="failed", reason="no compiler", values={})])["norms"]["cpu"]
    assert found.failed == ["no compiler"]
    assert len(found.tables["pairs"].rows) == 1


def throughput(names: list[str], models: str = "matched", **changes: Any) -> Cell:
    """The first is the reference; the others take twice its time in a prefill, and as much in decoding."""
    sizes = {"params": 5_001_000, "weight_bytes": 20_004_000, "cache_bytes": 4_000_000, "peak_bytes": 29_000_000}
    twice, same = {"low": 1.6, "mid": 2.0, "high": 2.5}, {"low": 0.9, "mid": 1.0, "high": 1.1}
    tokens, share = {"low": 900.0, "mid": 1000.0, "high": 1100.0}, {"low": 0.5, "mid": 0.6, "high": 0.7}
    bounds = {"prefill": ("matrix product", twice, "slower"), "decode": ("read", same, "no significant difference")}
    rows = [
        {"model": name, "phase": phase, "to": names[0] if name != names[0] else bound, "ratio": ratio}
        | {"verdict": verdict, "noise": [0.9, 1.1], "tokens_per_s": tokens, "share": share}
        for name in names
        for phase, (bound, ratio, verdict) in bounds.items()
    ]
    settings = {"models": models, "specs": dict.fromkeys(names, ""), "seq_len": 1024, "new_tokens": 8}
    if models == "matched":
        settings["size"] = {"params": 5_000_000}
    values = {
        "conditions": {"device": "cpu", "clock": "a clock", "load_average": 0.5},
        "exact": {"models": [{"name": name, "stands_for": [name, f"{name} too"], **sizes} for name in names]},
        "rows": rows,
        "samples": [],
    }
    common = {"dtype": "float32", "processes": 5, "rounds": 3}
    return norms(**{"metric": "throughput", "settings": {**settings, **common}, "values": values, **changes})


def test_models_are_held_against_the_first_and_told_with_those_that_are_the_same() -> None:
    (table,) = measured([throughput(["llama-7b", "gpt1"])])["throughput"]["cpu"].tables.values()
    assert [dict(zip(table.heads[:3], row[:3], strict=True)) for row in table.rows] == [
        {"model": "llama-7b", "stands also for": "llama-7b too", "parameters": "5,001,000"},
        {"model": "gpt1", "stands also for": "gpt1 too", "parameters": "5,001,000"},
    ]
    speed = "1,000 (900 to 1,100)"
    assert table.heads[4:7] == ["times faster than llama-7b", "noise", "verdict"]
    assert table.rows[0][3:13] == [speed, "", "", "", "0.60"] * 2
    assert table.rows[1][3:8] == [speed, "0.5 (0.4 to 0.625)", "0.91 to 1.11", "slower", "0.60"]
    assert table.rows[1][8:13] == [speed, "1 (0.909 to 1.11)", "0.91 to 1.11", "no significant difference", "0.60"]
    assert table.rows[1][13:] == ["19.1 MiB", "3.81 MiB", "27.7 MiB"]


def test_a_model_that_is_alone_has_no_comparison() -> None:
    (table,) = measured([throughput(["smollm2-135m"], "whole")])["throughput"]["cpu"].tables.values()
    assert "verdict" not in table.heads
    assert [len(row) for row in table.rows] == [len(table.heads)]


def test_of_two_results_on_one_device_the_one_with_more_models_is_shown_and_every_kind_has_a_table() -> None:
    cells = [
        throughput(["smollm2-135m"], "whole"),
        throughput(["llama-7b", "gpt1", "gpt2-small"]),
        throughput(["llama-7b", "gpt1"], created="2026-02-01T00:00:00+00:00"),
        throughput(["llama-7b"], "whole"),
        throughput(["llama-7b", "qwen-7b"], "block"),
    ]
    tables = measured(cells)["throughput"]["cpu"].tables
    assert [(words.partition(":")[0], len(table.rows)) for words, table in tables.items()] == [
        ("Models of 5.00M parameters, within 0.02%", 3),
        ("llama-7b at full size", 1),
        ("smollm2-135m at full size", 1),
        ("One layer at full size", 2),
    ]


def test_the_page_escapes_the_names_of_models_and_grows_little_by_them() -> None:
    names = ["llama-7b", *(f"{HOSTILE} {number}" for number in range(40))]
    model = failed()
    with_it, without = (html(cells, models_of(cells), "toy") for cells in ([model, throughput(names)], [model]))
    assert "Throughput of models" in with_it
    assert HOSTILE not in with_it
    assert len(with_it) - len(without) < 30_000


def test_a_page_shows_one_experiment_alone_and_escapes_it() -> None:
    cells = [failed(), norms()]
    page = html(cells, models_of(cells), "toy")
    assert "RMSNorm against LayerNorm" in page
    assert "Decoding over the context" not in page
    assert HOSTILE not in page
