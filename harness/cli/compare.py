"""`harness compare`: a gate between two runs."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated

import typer

from harness.cli.output import Json, print_json, print_table

EXIT_WORSE = 1


def compare(
    base: Annotated[Path, typer.Argument(help="Folder of the run that was.")],
    head: Annotated[Path, typer.Argument(help="Folder of the run that is to be.")],
    threshold: Annotated[float, typer.Option(min=1.0, help="How much slower a timing may become.")] = 1.1,
    json: Json = False,
) -> None:
    """Hold one run against another. Exact figures must be equal; a timing may not become slower.

    A timing counts as slower only if its whole interval lies beyond the threshold and beyond the noise of both runs.
    Exit code 1 if anything fails, or if there was nothing to compare.
    """
    from harness.comparison import as_rows, compared_count, differences
    from harness.errors import HarnessError
    from harness.results import read_cells

    before, after = read_cells(base), read_cells(head)
    for folder, cells in ((base, before), (head, after)):
        if not cells:
            raise HarnessError(f"{folder}: no results to compare; `harness run --out {folder}` makes them")
    found = differences(before, after, threshold)
    failing = sum(each.fails for each in found)
    if json:
        print_json({"compared": compared_count(before, after), "failing": failing, "differences": as_rows(found)})
    else:
        if found:
            print_table(
                "What differs",
                ["subject", "what", "verdict", "base", "head", "why"],
                [
                    (each.subject, each.what, "FAILS" if each.fails else "passes", each.base, each.head, each.why)
                    for each in found
                ],
                left=6,
            )
        print(
            f"{compared_count(before, after)} results compared: {failing} fail, {len(found) - failing} differ and pass"
        )
    if not compared_count(before, after):
        print("nothing was compared: the two runs have no result in common", file=sys.stderr)
    if failing or not compared_count(before, after):
        raise typer.Exit(EXIT_WORSE)
