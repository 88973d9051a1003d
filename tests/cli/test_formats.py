"""`--format`: the same tables for spreadsheets, papers and pages."""

from __future__ import annotations

import csv
import io

import pytest

import harness
from harness.spec import spec_names
from tests.cli.calling import Call
from tests.spec.writing import ROOT_SPEC


def read(text: str) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(text)))


def test_list_as_csv_has_the_figures_of_json(call: Call) -> None:
    rows = call("list", "--json").data
    found = read(call("list", "--format", "csv").out)
    assert found == [{key: str(value) for key, value in row.items()} for row in rows]
    assert [row["name"] for row in found] == spec_names()


def test_show_as_csv_has_every_figure_by_its_path(call: Call) -> None:
    rows = read(call("show", "llama-7b", "--seq-len", 16, "--format", "csv").out)
    figures = {row["figure"]: row["value"] for row in rows}
    assert len(figures) == len(rows)
    decode = harness.flops(harness.load_spec("llama-7b"), "decode", 16, 1)
    assert (figures["params"], figures["flops.decode.causal"]) == ("6738415616", str(decode))
    assert figures["architecture.choices.norm.kind"] == "rmsnorm"


def test_diff_as_csv_has_a_line_a_choice_and_a_figure(call: Call) -> None:
    rows = read(call("diff", "llama-7b", "llama-7b-mqa", "baichuan-7b", "--format", "csv").out)
    by_name = {(row.pop("is"), row.pop("name")): row for row in rows}
    assert by_name["choice", "mixer.num_kv_heads"] == {"llama-7b": "32", "llama-7b-mqa": "1", "baichuan-7b": "32"}
    assert by_name["figure", "parameters"] == {
        "llama-7b": "6738415616",
        "llama-7b-mqa": "5698228224",
        "baichuan-7b": "7000559616",
    }


@pytest.mark.parametrize("command", [("list",), ("show", "gpt1"), ("diff", "gpt1", "llama-7b")])
@pytest.mark.parametrize("form", ["md", "latex"])
def test_markdown_and_latex_hold_tables_alone(call: Call, command: tuple[str, ...], form: str) -> None:
    outcome = call(*command, "--format", form)
    assert (outcome.code, outcome.err) == (0, "")
    begins = ("**", "|") if form == "md" else ("%", "\\")
    lines = [line for line in outcome.out.splitlines() if line]
    assert all(line.startswith(begins) or line.endswith("\\\\") for line in lines)
    shown = "116,534,784" if command != ("list",) else "117M"
    assert shown in outcome.out


def test_specs_of_one_name_are_told_apart(call: Call, tmp_path_factory: pytest.TempPathFactory) -> None:
    other = tmp_path_factory.mktemp("other") / "root.yaml"
    other.write_text(ROOT_SPEC.replace("num_layers: 4", "num_layers: 3"))
    rows = read(call("diff", other, other, "--format", "csv").out)
    assert list(rows[0]) == ["is", "name", "root (1)", "root (2)"]


def test_a_form_that_there_is_none_of_is_refused(call: Call) -> None:
    outcome = call("list", "--format", "xml")
    assert outcome.code == 2
    assert "'xml' is not one of" in outcome.err
