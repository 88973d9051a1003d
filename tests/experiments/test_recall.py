"""Recall against what is kept: equal models, counted states, and a small run from end to end."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from harness.experiments import experiments
from harness.experiments.recall import CANDIDATES, QUICK, TARGET, WIDTH, model_of
from harness.metrics.kv_cache import kv_cache_bytes
from harness.metrics.params import params

FULL = {settings["candidate"]: settings for settings in experiments["recall"]().settings("full")}


@pytest.mark.parametrize("name", CANDIDATES)
def test_models_differ_in_their_mixers_and_are_equal_in_size(name: str) -> None:
    spec = model_of(FULL[name])
    assert params(spec) == pytest.approx(TARGET, rel=0.002)
    assert (spec.dims.hidden_size, spec.dims.num_layers) == (WIDTH, 2)
    kinds = [spec.layer(depth).mixer.kind for depth in range(2)]
    assert kinds == [layer["mixer"]["kind"] for layer in CANDIDATES[name]]


def test_the_quick_profile_trains_the_first_with_one_seed() -> None:
    quick = experiments["recall"]().settings("quick")
    assert [settings["candidate"] for settings in quick] == list(CANDIDATES)[:QUICK]
    assert {tuple(settings["seeds"]) for settings in quick} == {(0,)}
    assert {tuple(settings["seeds"]) for settings in FULL.values()} == {(0, 1, 2)}


@pytest.mark.parametrize("name", ["attention, window 4", "Mamba-2, 16, then attention"])
def test_recall_from_end_to_end(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HARNESS_CACHE", str(tmp_path))
    changes: dict[str, Any] = {"pairs": 5, "most_keys": 4, "keys": [1, 4], "documents": 20, "seeds": [0, 1]}
    recipe = {**FULL[name]["recipe"], "steps": 3, "batch_size": 4}
    settings = {**FULL[name], **changes, "recipe": recipe, "rates": [1e-9, 1e-2]}
    found = experiments["recall"]().measure(settings)
    spec = model_of(settings)
    assert found["exact"] == {"params": params(spec), "state_bytes": kv_cache_bytes(spec, 9)}
    assert found["tokens"] == 9
    assert found["best"] == min(found["rows"], key=lambda row: row["final"][0])["rate"] == 1e-2
    assert [(row["rate"], len(row["final"]), len(row["accuracy"])) for row in found["rows"]] == [
        (1e-9, 1, 1),
        (1e-2, 2, 2),
    ]
    for row in found["rows"]:
        assert [len(accuracies) for accuracies in row["accuracy"]] == [2] * len(row["accuracy"])
        assert all(0 <= accuracy <= 1 for accuracies in row["accuracy"] for accuracy in accuracies)
    assert {rate: [len(losses) for losses in runs] for rate, runs in found["samples"].items()} == {
        "1e-09": [1],
        "0.01": [1, 1],
    }
    assert experiments["recall"]().measure(settings) == found
