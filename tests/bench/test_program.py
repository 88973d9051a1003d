"""How long the program takes, from its start to its end."""

from __future__ import annotations

import json
from pathlib import Path

from pytest_benchmark.fixture import BenchmarkFixture

from harness.cells import read_cells
from harness.metrics import metrics
from harness.spec import load_spec, spec_names
from tests.cli.calling import run_python
from tests.conftest import EXACT


def test_listing_all_specs(benchmark: BenchmarkFixture, tmp_path: Path) -> None:
    outcome = benchmark.pedantic(  # type: ignore[no-untyped-call]
        lambda: run_python("-m", "harness", "list", "--json", folder=tmp_path), rounds=5, warmup_rounds=1
    )
    assert [row["name"] for row in json.loads(outcome.out)] == spec_names()


def test_a_verified_run_over_all_specs(benchmark: BenchmarkFixture, tmp_path: Path) -> None:
    outcome = benchmark.pedantic(  # type: ignore[no-untyped-call]
        lambda: run_python(
            "-m", "harness", "run", "--metrics", ",".join(EXACT), "--out", "out", folder=tmp_path, timeout=900
        ),
        rounds=1,
    )
    assert outcome.code == 0
    cells = read_cells(tmp_path / "out")
    applying = [
        (name, metric) for name in spec_names() for metric in EXACT if metrics[metric]().applies(load_spec(name))
    ]
    assert sorted((cell.subject, cell.metric) for cell in cells) == sorted(applying)
    assert {cell.status for cell in cells} == {"ok"}
