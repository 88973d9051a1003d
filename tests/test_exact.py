"""The committed table of exact figures is what a fresh, verified run gives."""

from __future__ import annotations

from pathlib import Path

from harness.report import write_report
from harness.runner.execute import execute
from harness.runner.plan import plan
from harness.spec import Spec
from tests.conftest import EXACT, ROOT


def test_committed_table_is_that_of_a_fresh_run(specs: dict[str, Spec], tmp_path: Path) -> None:
    cells = [cell for _, cell in execute(plan(specs.values(), EXACT, "quick"), tmp_path)]
    assert [cell.reason for cell in cells if cell.status != "ok"] == []
    write_report(tmp_path)
    assert (tmp_path / "index.html").stat().st_size < 1_800_000, "what is timed and trained takes 150 kB"
    fresh = (tmp_path / "exact.md").read_text(encoding="utf-8")
    committed = (ROOT / "reports" / "exact.md").read_text(encoding="utf-8")
    assert fresh == committed, "run `harness run --metrics exact && harness report` and commit reports/exact.md"
