"""`harness report`: pages from stored results."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

Out = Annotated[Path, typer.Option(help="Folder of the run: results are stored in and read from it.")]


def report(
    out: Out = Path("reports"),
    baseline: Annotated[str | None, typer.Option(help="The spec that others are compared with at first.")] = None,
) -> None:
    """Write index.html and exact.md from the results that are stored."""
    from harness.report import write_report

    for path in write_report(out, baseline):
        print(path)
