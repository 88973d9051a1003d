"""`harness report`: pages from stored results."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated

import typer

Out = Annotated[Path, typer.Option(help="Folder of the run: results are stored in and read from it.")]


def report(
    out: Out = Path("reports"),
    baseline: Annotated[str | None, typer.Option(help="The spec that others are compared with at first.")] = None,
) -> None:
    """Write index.html and exact.md from the results that are stored."""
    from harness.experiments import experiments
    from harness.metrics import metrics
    from harness.report import write_report

    versions = {name: registry[name].version for registry in (metrics, experiments) for name in registry.names()}
    paths, left_out = write_report(out, baseline, versions)
    for path in paths:
        print(path)
    if left_out:
        print(f"{left_out} results of older versions are left out; `harness run` measures them anew", file=sys.stderr)
