"""Specs, and specs side by side, as a notebook shows them."""

from __future__ import annotations

from dataclasses import replace

import pytest

import harness

NAMES = ["llama-7b", "llama-7b-mqa", "gpt1"]
HOSTILE = "<script>alert(1)</script>"


def test_the_frame_has_a_row_a_figure_and_a_column_a_spec() -> None:
    frame = harness.compare(NAMES, seq_len=100).frame
    assert list(frame.columns) == NAMES
    for name in NAMES:
        spec = harness.load_spec(name)
        assert frame.loc["parameters", name] == harness.params(spec)
        assert frame.loc["KV-cache bytes, fp16", name] == harness.kv_cache_bytes(spec, 100)
        assert frame.loc["FLOPs, train, causal", name] == harness.flops(spec, "train", 100)
    assert {type(value) for value in frame.to_numpy().flat} == {int}


def test_the_figure_has_a_bar_a_spec_with_ratios_to_the_first() -> None:
    figure = harness.compare(NAMES).figure
    assert [bar.name for bar in figure.data] == NAMES
    assert set(figure.data[0].y) == {1.0}
    cache = dict(zip(figure.data[1].x, figure.data[1].y, strict=True))
    assert cache["KV-cache bytes a token, fp16"] == 1 / 32
    assert "parameters: mixer" not in cache


def test_the_shortest_of_the_longest_sequences_is_taken() -> None:
    assert harness.compare(NAMES).seq_len == 512
    assert harness.compare(NAMES[:2]).seq_len == 2048


def test_specs_and_names_may_be_mixed() -> None:
    spec = harness.load_spec("llama-7b")
    assert repr(harness.compare([spec, "llama-7b"])) == "<llama-7b | llama-7b: differ in nothing>"


def test_one_spec_has_nothing_beside_it() -> None:
    with pytest.raises(harness.HarnessError, match="expected two or more specs to put side by side, found 1"):
        harness.compare(["llama-7b"])


def test_a_spec_tells_in_a_line_what_it_is() -> None:
    assert repr(harness.load_spec("llama-7b")) == "<Spec llama-7b: 32 layers of 4096 channels, released>"


def test_a_notebook_shows_a_spec_and_a_comparison_as_tables() -> None:
    spec = harness.load_spec("llama-7b-mqa")
    cell = '<td style="text-align: left">mixer.num_kv_heads</td><td style="text-align: left">1 (MQA)</td>'
    assert cell in spec._repr_html_()
    shown = harness.compare(["llama-7b", spec])._repr_html_()
    assert shown.count("<table>") == 2
    assert '<td style="text-align: right">5,698,228,224</td><td style="text-align: right">0.8456</td>' in shown


def test_text_of_a_spec_stays_text_in_a_notebook() -> None:
    spec = replace(harness.load_spec("llama-7b"), name=HOSTILE, title=HOSTILE)
    for shown in (spec._repr_html_(), harness.compare([spec, "gpt1"])._repr_html_()):
        assert "<script" not in shown
        assert "&lt;script&gt;" in shown
