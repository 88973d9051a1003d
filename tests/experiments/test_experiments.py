"""Experiments: what of them is exact, and small ones from end to end."""

from __future__ import annotations

from typing import Any

import pytest

from harness.experiments import experiments
from harness.experiments.attention import KINDS, _laws_of_pairs, pattern_at
from harness.experiments.decoding import ARRANGEMENTS, CHANNELS, HEADS, WINDOW
from harness.timing import control

SMALL = {"processes": 2, "rounds": 2, "block_s": 0.0001}


def small(name: str, which: int = 0, **changes: Any) -> dict[str, Any]:
    return {**experiments[name]().settings("quick")[which], **SMALL, **changes}


@pytest.mark.parametrize("name", experiments.names())
@pytest.mark.parametrize("profile", ["quick", "full"])
def test_settings_are_what_json_gives_back(name: str, profile: str) -> None:
    import json

    found = experiments[name]().settings(profile)
    assert json.loads(json.dumps(found)) == found
    assert len({json.dumps(each, sort_keys=True) for each in found}) == len(found)


def test_the_laws_of_the_pairs_are_those_of_the_papers() -> None:
    laws = {law["pattern"]: law["law"] for law in _laws_of_pairs()}
    assert laws == {
        "dense": "n²",
        "banded": "n",
        "strided": "n√n",
        "fixed": "n√n",
        "log_sparse": "n log n",
        "dense, banded in turns": "n²",
    }


def test_attention_from_end_to_end() -> None:
    lengths = [16, 32, 48, 64, 96]
    found = experiments["attention"]().measure(small("attention", seq_lens=lengths))
    assert len(found["rows"]) == len({row["name"] for row in found["rows"]}) == 2 * len(lengths) * len(KINDS)
    for row in found["rows"]:
        assert row["pairs"] == pattern_at(row["pattern"], row["seq_len"]).visible_pairs(row["seq_len"])
        assert 0 <= row["seconds"]["low"] <= row["seconds"]["mid"] <= row["seconds"]["high"]
    samples = found["samples"][0]["forward"]["16"]
    assert set(samples) == {*KINDS, control("dense"), "matrix product"}
    assert {len(each) for each in samples.values()} == {2}


def test_decoding_holds_the_bytes_of_the_closed_forms() -> None:
    """2 x heads x channels x keys x 4 bytes; a byte a channel and 4 a vector where the cache is quantised."""
    n = 2 * WINDOW
    found = experiments["decoding"]().measure(small("decoding", seq_lens=[n]))
    held = {row["arrangement"]: row["cache_bytes"] for row in found["rows"]}
    assert held == {
        "MHA": 2 * HEADS * CHANNELS * n * 4,
        "GQA, 4 queries a key head": 2 * (HEADS // 4) * CHANNELS * n * 4,
        "MQA": 2 * CHANNELS * n * 4,
        "MHA, banded": 2 * HEADS * CHANNELS * WINDOW * 4,
        "MHA, int8 cache": 2 * HEADS * n * (CHANNELS + 4),
    }
    assert set(held) == set(ARRANGEMENTS)


@pytest.mark.parametrize("which", range(3))
def test_norms_from_end_to_end(which: int) -> None:
    settings = small("norms", which, shapes=[[4, 64]])
    found = experiments["norms"]().measure(settings)
    assert [row["pass"] for row in found["rows"]] == ["forward", "training"]
    assert all(row["noise"][0] <= 1 <= row["noise"][1] for row in found["rows"])
