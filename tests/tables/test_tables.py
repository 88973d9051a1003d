"""Tables as text: what stands in a cell stays there, and stays text."""

from __future__ import annotations

import csv
import io

import pytest

from harness import tables
from harness.tables import Table

HOSTILE = '<script>alert(1)</script> | [x](javascript:y) \\input{z} $%_#& `code` *bold*\nnext "line"'


def test_markdown_keeps_a_cell_in_its_cell() -> None:
    text = tables.markdown(Table("", ["model", "size"], [(HOSTILE, 1), ("b", 2)]))
    head, rule, first, second = text.splitlines()
    assert (head, rule, second) == ("| model | size |", "| --- | ---: |", "| b | 2 |")
    assert first == (
        "| &lt;script>alert(1)&lt;/script> \\| \\[x\\](javascript:y) \\\\input{z} $%_#& \\`code\\` \\*bold\\* "
        'next "line" | 1 |'
    )


def test_latex_escapes_what_it_would_obey() -> None:
    text = tables.latex(Table("A %\nB", ["model_name", "100 %"], [(HOSTILE, 1)]))
    assert text.splitlines()[:4] == ["% A % B", "\\begin{tabular}{lr}", "\\toprule", "model\\_name & 100 \\% \\\\"]
    assert "\\textbackslash input\\{z\\} \\$\\%\\_\\#\\&" in text
    assert "\\input" not in text


def test_html_is_text() -> None:
    text = tables.html(Table(HOSTILE, [HOSTILE], [(HOSTILE,)]))
    assert text.count("&lt;script&gt;") == 3
    assert "<script" not in text


def test_csv_reads_back() -> None:
    rows = [{"name": HOSTILE, "params": 2**70}, {"name": "b", "released": None}]
    read = list(csv.DictReader(io.StringIO(tables.comma_separated(rows))))
    assert read == [
        {"name": HOSTILE, "params": str(2**70), "released": ""},
        {"name": "b", "params": "", "released": ""},
    ]


@pytest.mark.parametrize(
    ("value", "shown"),
    [("=1+1", "'=1+1"), ("@SUM(A1)", "'@SUM(A1)"), ("-2+3", "'-2+3"), ("-", "-"), (-2, "-2"), ("a=1", "a=1")],
)
def test_a_spreadsheet_computes_nothing(value: object, shown: str) -> None:
    assert tables.comma_separated([{"v": value}]) == f"v\n{shown}\n"
