"""Stored results that a stranger has changed in one place are read as results or left out: nothing stops the rest."""

from __future__ import annotations

import copy
import json
import random
import warnings
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest

from harness.cells import read_cells, results
from harness.comparison import differences
from harness.errors import HarnessError, UnreadableResultWarning
from harness.experiments import experiments
from harness.metrics import metrics
from harness.report import write_report
from harness.runner.measure import measure
from harness.runner.plan import plan
from harness.spec import load_spec

VERSIONS = {name: kinds[name].version for kinds in (metrics, experiments) for name in kinds.names()}
EXACT = ["attention_pairs", "behaviour", "claims", "flops", "kv_cache", "params"]
STRANGE: list[Any] = [
    None, True, -1, 0, 1.5, 10**30, float("inf"), "", "x", "<b>", "__proto__", [], [1], {}, {"a": 1},
]  # fmt: skip


@pytest.fixture(scope="module")
def stored() -> list[dict[str, Any]]:
    """Results of two models, one of them with a mixture of patterns, as they are written."""
    cells = [measure(planned) for planned in plan(map(load_spec, ["gpt2-small", "gpt3-small"]), EXACT, "quick")]
    return [json.loads(cell.model_dump_json()) for cell in cells]


def places(value: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """The path of everything inside a result; of a long list of its first four."""
    if path:
        yield path
    parts: list[tuple[Any, Any]] = []
    if isinstance(value, dict):
        parts = list(value.items())
    elif isinstance(value, list):
        parts = list(enumerate(value[:4]))
    for key, part in parts:
        yield from places(part, (*path, key))


def changed(cell: dict[str, Any], chance: random.Random) -> dict[str, Any]:
    """A copy with one value replaced or left out."""
    copied = copy.deepcopy(cell)
    *way, last = chance.choice(list(places(copied)))
    inside: Any = copied
    for key in way:
        inside = inside[key]
    if isinstance(inside, dict) and chance.random() < 0.3:
        del inside[last]
    else:
        inside[last] = chance.choice(STRANGE)
    return copied


@pytest.mark.parametrize("seed", range(40))
def test_a_changed_result_stops_no_report(tmp_path: Path, stored: list[dict[str, Any]], seed: int) -> None:
    chance = random.Random(seed)
    folder = tmp_path / "results" / "x"
    folder.mkdir(parents=True)
    for number, cell in enumerate(stored):
        hit = chance.random() < 0.7
        (folder / f"{number}.json").write_text(json.dumps(changed(cell, chance) if hit else cell))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UnreadableResultWarning)
        cells = read_cells(tmp_path)
        results(tmp_path)
        differences(cells, cells, 1.1)
        with suppress(HarnessError):  # where nothing is left
            write_report(tmp_path, versions=VERSIONS)
