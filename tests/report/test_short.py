"""The sentences at the head of the page: their numbers come from the results, and are left out with them."""

from __future__ import annotations

from typing import Any

from harness.cells import Cell
from harness.report.frames import Model, models_of
from harness.report.sections import Section, Table
from harness.report.short import findings, not_measured
from tests.report.cells import architecture, cells_of, spec_record, values
from tests.report.cells import cell as stored
from tests.report.test_measured import norms

MIXER = {"kind": "softmax", "num_heads": 8, "head_dim": 64, "bias": False}


def said(cells: list[Cell], baseline: str = "toy", **given: Any) -> dict[str, str]:
    models = models_of(cells)
    first = next(model for model in models if model.name == baseline)
    sections: dict[str, Any] = {"learned": {}, "stable": None, "notes": {}} | given
    return {finding.topic: finding.says for finding in findings(cells, models, first, **sections)}


def with_kv_heads(name: str, count: int, cache: int) -> list[Cell]:
    """A model that keeps `cache` bytes of 1024 tokens with so many key-value heads."""
    shared = architecture(mixer={**MIXER, "num_kv_heads": count})
    spec = spec_record(name, architecture=shared)
    kept = values()["kv_cache"] | {"points": [{"seq_len": 1024, "bytes": cache}]}
    return [stored(spec, "params", values()["params"]), stored(spec, "kv_cache", kept)]


def test_sharing_is_told_of_two_models_that_differ_in_nothing_else() -> None:
    cells = [*with_kv_heads("toy", 8, 2**23), *with_kv_heads("shared", 2, 2**21), *with_kv_heads("one", 1, 2**20)]
    told = said(cells)["Shared keys and values"]
    assert told == (
        "With 1 key-value head in place of 8 (GQA) TOY keeps 1.00 MiB of 1,024 tokens, not 8.00 MiB: "
        "\N{MULTIPLICATION SIGN}0.125, with \N{MULTIPLICATION SIGN}1.000 of the parameters."
    )
    layernorm = architecture(mixer={**MIXER, "num_kv_heads": 1}, norm={"kind": "layernorm", "eps": 1e-6})
    other = [Cell(**{**each.model_dump(), "spec": spec_record("one", architecture=layernorm)}) for each in cells[-2:]]
    assert "Shared keys and values" not in said([*cells[:2], *other])


def test_growth_is_the_quotient_of_the_last_two_lengths() -> None:
    told = said(cells_of("toy"))["Growth of attention"]
    assert told.startswith("Doubling 512 tokens multiplies the visible pairs of a layer, by its pattern (")
    assert "dense: 4.00" in told
    assert "banded, window 256: 2.33" in told
    assert "n log n 2.22" in told


def test_speed_is_told_with_its_interval() -> None:
    told = said([*cells_of("toy"), norms()])["RMSNorm's speed"]
    assert "faster than LayerNorm in 1 and slower in 0 of 1 pair timed" in told
    assert "0.6 (0.5 to 0.7) of the time" in told


def test_stability_is_told_as_its_section_answers() -> None:
    table = Table(["question", "answer", "where", "evidence"], [["Does it?", "yes", "toy, fresh", "3 of 3"]], words=4)
    assert said(cells_of("toy"), stable=Section(tables={"verdicts": table}))["Stability"] == (
        "Does it? yes (toy, fresh: 3 of 3)."
    )


def test_what_was_not_measured_is_named() -> None:
    assert [metric for _, metric in not_measured(cells_of("toy"))] == ["norms", "stability", "icl"]
    assert [metric for _, metric in not_measured([*cells_of("toy"), norms()])] == ["stability", "icl"]


def test_published_figures_are_counted_with_the_farthest_off() -> None:
    told = said([*cells_of("toy"), *cells_of("twin", 2)])["Published figures"]
    assert told == (
        "Of 2 published figures 1 agree with the counts; farthest off is TWIN's params, counted +101 % from what was "
        "published."
    )


def test_without_results_there_are_no_sentences() -> None:
    spec = spec_record("toy")
    models: list[Model] = models_of([stored(spec, "params", None)])
    assert findings([], models, models[0], {}, None, {}) == []
