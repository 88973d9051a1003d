"""`harness check`: are these files good specs?"""

from __future__ import annotations

import sys
from dataclasses import asdict
from typing import Annotated

import typer

from harness.checkpoints import given
from harness.cli import completion
from harness.cli.output import Json, print_json
from harness.errors import HarnessError, SpecError
from harness.metrics.params import params


def check(
    specs: Annotated[
        list[str] | None,
        typer.Argument(help="Names, globs or paths, as for show; none for all.", autocompletion=completion.specs),
    ] = None,
    json: Json = False,
) -> None:
    """Read specs and tell every mistake in them, with file, line and column."""
    rows = [_row(name) for name in given.find(specs or [])]
    if json:
        print_json(rows)
    for row in rows if not json else []:
        if row["ok"]:
            print(f"{row['spec']}: ok, {row['params']:,} parameters")
        else:
            print(row["message"], file=sys.stderr)
    if not all(row["ok"] for row in rows):
        raise typer.Exit(2)


def _row(name: str) -> dict[str, object]:
    try:
        spec = given.load(name)
    except HarnessError as error:
        problems = [asdict(problem) for problem in error.problems] if isinstance(error, SpecError) else []
        return {"spec": name, "ok": False, "message": str(error), "problems": problems}
    return {"spec": name, "ok": True, "name": spec.name, "hash": spec.hash, "params": params(spec)}
