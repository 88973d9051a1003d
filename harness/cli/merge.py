"""`harness merge`: join the results of several machines."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated

import typer

from harness.cli.report import Out


def merge(
    folders: Annotated[list[Path], typer.Argument(help="Folders of runs, as --out of `harness run` named them.")],
    out: Out = Path("reports"),
) -> None:
    """Join folders of results in one. Exact figures of one spec that differ are refused, with code 1.

    Timings and trainings of different machines stay apart, each with its machine; what several have measured is told.
    """
    from harness.runner.merge import merge as join

    merged = join(folders, out)
    for error in merged.unreadable:
        print(f"left out: {error}", file=sys.stderr)
    for metric, machines in merged.machines().items():
        counts = "; ".join(f"{count} on {name}" for name, count in sorted(machines.items()))
        print(f"{metric}: measured on {len(machines)} machines, whose times do not compare: {counts}", file=sys.stderr)
    print(f"{len(merged.cells)} results in {out}")
