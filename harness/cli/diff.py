"""`harness diff`: what differs between specs, and what that does to the figures."""

from __future__ import annotations

from typing import Annotated, Any

import typer

from harness.cli import completion
from harness.cli.output import Format, Json, console, print_data, print_table
from harness.cli.show import BatchSize, SeqLen
from harness.side_by_side import SideBySide, compare


def diff(
    names: Annotated[
        list[str], typer.Argument(help="Two specs or more, named as for show.", autocompletion=completion.specs)
    ],
    json: Json = False,
    form: Format = "table",
    seq_len: SeqLen = None,
    batch_size: BatchSize = 1,
) -> None:
    """Choices that differ, and parameters, caches and FLOPs side by side at one length; ratios are to the first."""
    form = "json" if json else form
    found = compare(names, seq_len=seq_len, batch_size=batch_size)
    if print_data(_data(found), form, _rows(found)):
        return
    if not found.choices:
        console(form=form).print("The architectures are the same.")
    for table in found.tables():
        print_table(table.title, table.columns, table.rows, left=table.left, form=form)


def _data(found: SideBySide) -> dict[str, Any]:
    return {
        "specs": [spec.name for spec in found.specs],
        "seq_len": found.seq_len,
        "batch_size": found.batch_size,
        "choices": found.choices,
        "figures": found.figures,
    }


def _rows(found: SideBySide) -> list[dict[str, Any]]:
    """A line a choice or a figure; specs that are called alike are told apart by their place."""
    names = [spec.name for spec in found.specs]
    heads = [name if names.count(name) == 1 else f"{name} ({place})" for place, name in enumerate(names, 1)]
    both = (("choice", found.choices), ("figure", found.figures))
    return [
        {"is": kind, "name": name, **dict(zip(heads, values, strict=True))}
        for kind, group in both
        for name, values in group.items()
    ]
