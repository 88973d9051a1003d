"""A table as text for people and programs: CSV, Markdown, LaTeX and HTML. pandas is imported for LaTeX alone."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from html import escape
from typing import Any


@dataclass(frozen=True)
class Table:
    """A heading, and rows of what is shown; the first `left` columns are words and the others numbers."""

    title: str
    columns: Sequence[str]
    rows: Sequence[Sequence[object]]
    left: int = 1


def plain_markdown(text: str) -> str:
    r"""Text that stays in its cell of a Markdown table and is no markup.

    >>> plain_markdown("a|b [c](d) <e>")
    'a\\|b \\[c\\](d) &lt;e>'
    """
    return re.sub(r"([\\`*|\[\]])", r"\\\1", " ".join(text.split())).replace("<", "&lt;")


def markdown(table: Table, cell: Callable[[str], str] = plain_markdown) -> str:
    """The rows in Markdown, without the heading; `cell` makes the text of a cell inert.

    >>> print(markdown(Table("", ["model", "size"], [("a", 1)])), end="")
    | model | size |
    | --- | ---: |
    | a | 1 |
    """
    rule = ["---" if column < table.left else "---:" for column in range(len(table.columns))]
    lines = [table.columns, rule, *([cell(str(part)) for part in row] for row in table.rows)]
    return "".join(f"| {' | '.join(line)} |\n" for line in lines)


def headed_markdown(table: Table) -> str:
    """The same below the heading."""
    return f"**{plain_markdown(table.title)}**\n\n{markdown(table)}"


def latex(table: Table) -> str:
    """A tabular with the rules of booktabs, everything escaped; the heading stands above it as a comment."""
    import pandas as pd

    rows = [[str(part) for part in row] for row in table.rows]
    frame = pd.DataFrame(rows, columns=list(table.columns), dtype=object)
    numbers = len(table.columns) - table.left
    text: str = frame.to_latex(index=False, escape=True, column_format="l" * table.left + "r" * numbers)
    return f"% {' '.join(table.title.split())}\n{text}"


def html(table: Table) -> str:
    """A table element, everything escaped."""
    aligned = ["left" if column < table.left else "right" for column in range(len(table.columns))]
    heads = "".join(f"<th>{escape(column)}</th>" for column in table.columns)
    rows = "".join(
        "<tr>"
        + "".join(
            f'<td style="text-align: {side}">{escape(str(part))}</td>' for side, part in zip(aligned, row, strict=True)
        )
        + "</tr>"
        for row in table.rows
    )
    caption = f"<caption>{escape(table.title)}</caption>"
    return f"<table>{caption}<thead><tr>{heads}</tr></thead><tbody>{rows}</tbody></table>"


def comma_separated(rows: Iterable[Mapping[str, Any]]) -> str:
    """CSV of plain data, a line a mapping. A text that a spreadsheet would compute gets an apostrophe before it.

    >>> print(comma_separated([{"name": "a", "params": 3}]), end="")
    name,params
    a,3
    """
    lines = [{key: _inert(value) for key, value in row.items()} for row in rows]
    stream = io.StringIO()
    writer = csv.DictWriter(stream, list(dict.fromkeys(key for row in lines for key in row)), lineterminator="\n")
    writer.writeheader()
    writer.writerows(lines)
    return stream.getvalue()


def _inert(value: Any) -> Any:
    formula = isinstance(value, str) and len(value) > 1 and value[0] in "=+-@\t\r"
    return f"'{value}" if formula else value


def dotted(value: Any, path: str = "") -> Iterable[tuple[str, Any]]:
    """Every scalar inside plain data, with its path.

    >>> list(dotted({"a": {"b": 1}, "c": [2, 3]}))
    [('a.b', 1), ('c.0', 2), ('c.1', 3)]
    """
    if isinstance(value, Mapping | list):
        for key, part in value.items() if isinstance(value, Mapping) else enumerate(value):
            yield from dotted(part, f"{path}.{key}" if path else str(key))
    else:
        yield path, value
