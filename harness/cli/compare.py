"""`harness compare`: the gate between two runs, for exact figures and for timings."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated

import typer

from harness.cli.output import Json, print_json, print_table

EXIT_WORSE = 1


def compare(
    base: Annotated[Path, typer.Argument(help="The run that was: its folder, or its file of benchmarks.")],
    head: Annotated[Path, typer.Argument(help="The run that is to be, likewise.")],
    threshold: Annotated[float, typer.Option(min=1.0, help="How much slower a timing may become.")] = 1.1,
    json: Json = False,
) -> None:
    """Hold one run against another. Exact figures must be equal; a timing may not become slower.

    This is the gate for timings: no other command, and no test, fails because something took long. Both runs must be of
    one machine. A timing counts as slower only if its whole interval lies beyond the threshold and beyond the noise of
    both runs. A run is a folder, as of `harness run --out`, or a file, as of `pytest tests/bench --benchmark-json`.

    Exit code 1 if anything fails, or if there was nothing to compare.
    """
    from harness.comparison import as_rows, compared_count, differences, read_run
    from harness.errors import HarnessError

    before, after = read_run(base), read_run(head)
    for path, cells in ((base, before), (head, after)):
        if not cells:
            of_benchmarks = path.is_file() or path.suffix == ".json"
            how = "pytest tests/bench --benchmark-json" if of_benchmarks else "harness run --out"
            raise HarnessError(f"{path}: no results to compare; `{how} {path}` makes them")
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
