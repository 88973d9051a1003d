"""How figures and tables look on a terminal, and as JSON."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer

from harness import tables

if TYPE_CHECKING:
    from rich.console import Console

Json = Annotated[bool, typer.Option("--json", help="Print JSON instead of a table.")]
Form = Literal["table", "csv", "md", "latex", "json"]
Format = Annotated[
    Form, typer.Option("--format", help="How to print tables; csv and json have all digits, and no words around them.")
]


def print_data(value: Any, form: Form, rows: Iterable[Mapping[str, Any]] | None = None) -> bool:
    """Print plain data where JSON or CSV is asked for, and tell whether it was.

    Args:
        value: what is printed as JSON.
        form: the option `--format`.
        rows: lines of the CSV; left out, every scalar of `value` with its path.
    """
    if form == "json":
        print_json(value)
    elif form == "csv":
        lines = [{"figure": path, "value": part} for path, part in tables.dotted(value)] if rows is None else rows
        sys.stdout.write(tables.comma_separated(lines))
    return form in ("json", "csv")


def print_json(value: Any) -> None:
    """Indented JSON on the standard output."""
    json.dump(value, sys.stdout, indent=2, ensure_ascii=False)
    sys.stdout.write("\n")


def print_table(
    title: str, columns: Sequence[str], rows: Iterable[Sequence[object]], *, left: int = 1, form: Form = "table"
) -> None:
    """A table whose first `left` columns are words and whose others are numbers; for people, or as Markdown or LaTeX.

    All is shown as it is: markup in a spec's title, or in the name of a folder, is text.
    """
    if form != "table":
        write = tables.latex if form == "latex" else tables.headed_markdown
        print(write(tables.Table(title, columns, list(rows), left)))
        return
    from rich.table import Table
    from rich.text import Text

    table = Table(title=Text(title, style="italic"), title_justify="left", header_style="bold")
    for index, column in enumerate(columns):
        table.add_column(column, justify="left" if index < left else "right", overflow="fold")
    for row in rows:
        table.add_row(*(Text(str(cell)) for cell in row))
    console().print(table)


def console(*, stderr: bool = False, form: Form = "table") -> Console:
    """Standard output, or standard error; wide enough for a table where it is no terminal.

    It is silent where tables alone are asked for: words between them are for people.
    """
    from rich.console import Console

    stream = sys.stderr if stderr else sys.stdout
    width = None if stream.isatty() else 160
    return Console(stderr=stderr, width=width, highlight=False, emoji=False, quiet=form != "table")


def short(number: int) -> str:
    """Three digits and a power of a thousand.

    >>> short(6738415616)
    '6.74B'
    """
    size = float(number)
    for unit in ("", "K", "M", "B", "T", "P", "E"):
        if abs(size) < 999.5:
            return (
                f"{size:.0f}"
                if not unit
                else f"{size:.{max(0, 2 - (abs(size) >= 9.995) - (abs(size) >= 99.95))}f}{unit}"
            )
        size /= 1000
    return f"{size:.3g}Z"


def binary(number: int) -> str:
    """Bytes with a power of 1024.

    >>> binary(524288)
    '512 KiB'
    """
    size = float(number)
    for unit in ("B", "KiB", "MiB", "GiB", "TiB"):
        if size < 1024:
            return f"{size:.4g} {unit}"
        size /= 1024
    return f"{size:.4g} PiB"
