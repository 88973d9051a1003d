"""`list`, `show`, `check`, `diff` and `schema`: what needs no torch."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

import harness
from harness.spec import spec_names
from harness.spec.check import SpecFile
from harness.spec.tree import parse_tree
from tests.cli.calling import Call
from tests.spec.writing import ROOT_SPEC

KEYS = ", ".join(sorted(SpecFile.model_fields))
BAD_MESSAGES = [
    "bad.yaml:3:33: mixer.num_kv_heads: found 5, which does not divide num_heads 32; expected a divisor such as 4",
    f"bad.yaml:4:1: unknown key 'titel'; allowed: {KEYS}; did you mean 'title'?",
]


def test_list_shows_every_spec(call: Call) -> None:
    outcome = call("list")
    assert (outcome.code, outcome.err) == (0, "")
    assert outcome.out.splitlines()[0].strip() == f"{len(spec_names())} specs"
    shown = [line.split("│")[1].strip() for line in outcome.out.splitlines() if line.startswith("│")]
    assert shown == spec_names()


def test_list_gives_json(call: Call) -> None:
    rows = {row["name"]: row for row in call("list", "--json").data}
    assert list(rows) == spec_names()
    assert rows["llama-7b"] == {
        "name": "llama-7b",
        "title": "LLaMA-7B",
        "family": "LLaMA",
        "provenance": "released",
        "released": "2023-02-24",
        "attention": "MHA",
        "params": 6738415616,
        "active_params": 6738415616,
        "kv_cache_bytes_per_token": 524288,
        "constant_bytes": 0,
        "max_seq_len": 2048,
        "hash": harness.load_spec("llama-7b").hash,
    }


def test_show_gives_the_figures_as_json(call: Call) -> None:
    sheet = call("show", "llama-7b", "--json", "--seq-len", 16, "--batch-size", 3).data
    spec = harness.load_spec("llama-7b")
    assert (sheet["name"], sheet["params"], sheet["kv_cache_bytes_per_token"]) == ("llama-7b", 6738415616, 524288)
    assert (sheet["seq_len"], sheet["batch_size"], sheet["kv_cache_bytes"]) == (16, 3, 3 * 16 * 524288)
    assert sheet["flops"] == {
        phase: {
            "full": harness.flops(spec, phase, 16, 3, causal=False),
            "causal": harness.flops(spec, phase, 16, 3, causal=True),
        }
        for phase in ("prefill", "decode", "train")
    }
    assert all(type(count) is int for row in sheet["flops"].values() for count in row.values())


def test_show_takes_the_longest_sequence_of_the_model(call: Call) -> None:
    sheet = call("show", "llama-7b", "--json").data
    assert (sheet["seq_len"], sheet["batch_size"], sheet["kv_cache_bytes"]) == (2048, 1, 1 << 30)


def test_show_prints_a_sheet(call: Call) -> None:
    outcome = call("show", "gpt1")
    assert (outcome.code, outcome.err) == (0, "")
    assert outcome.out.startswith("GPT-1 (gpt1)")
    assert "116,534,784" in outcome.out
    assert "Note:" not in outcome.out


def test_show_warns_past_learned_positions(call: Call) -> None:
    note = "Note: this model has learned positions for 512 tokens and cannot run 513."
    assert note in call("show", "gpt1", "--seq-len", 513).out
    assert note not in call("show", "gpt1", "--seq-len", 512).out


def test_a_spec_of_ones_own_is_shown(call: Call, mine: Path) -> None:
    sheet = call("show", mine, "--json").data
    assert (sheet["name"], sheet["title"], sheet["kv_cache_bytes_per_token"]) == ("mine", "mine", 524288 // 8)


def test_a_root_spec_of_ones_own_is_shown(call: Call, tmp_path: Path) -> None:
    (tmp_path / "root.yaml").write_text(ROOT_SPEC)
    sheet = call("show", tmp_path / "root.yaml", "--json").data
    embedding, attention, mlp = 100 * 64, 64 * 64 * 2 + 2 * 64 * 32, 3 * 64 * 128
    assert sheet["params"] == 2 * embedding + 4 * (attention + mlp + 2 * 64) + 64


@pytest.mark.parametrize("title", ["[bold]B[/bold]", "[/]", "[link=x]y", ":smile: \\[x]", "<b>&amp;"])
def test_markup_in_a_spec_is_text(call: Call, tmp_path: Path, title: str) -> None:
    spec = parse_tree(ROOT_SPEC, "root.yaml").plain() | {"title": title, "about": title, "layers": [title, "x"]}
    spec |= {"sources": {"made": {"title": title, "url": "https://example.org"}}}
    spec |= {"blocks": {title: {"pattern": {"kind": "banded", "window": 3}}, "x": {}}}
    (tmp_path / "marked.yaml").write_text(json.dumps(spec))
    outcome = call("show", "marked.yaml")
    lines = outcome.out.splitlines()
    assert (outcome.code, outcome.err) == (0, "")
    assert (lines[0], lines[2]) == (f"{title} (root)", title)
    assert lines[-1] == f"Source: {title}, https://example.org"
    assert f"│ {title}: pattern.window " in outcome.out
    assert f"│ {title}: pattern.window " in call("diff", "marked.yaml", "llama-7b").out


def test_check_says_that_all_is_well(call: Call, mine: Path) -> None:
    outcome = call("check", mine, "llama-7b")
    assert (outcome.code, outcome.err) == (0, "")
    assert outcome.out.splitlines() == [
        "mine.yaml: ok, 5,798,891,520 parameters",
        "llama-7b: ok, 6,738,415,616 parameters",
    ]


def test_check_without_names_checks_the_library(call: Call) -> None:
    assert [line.partition(":")[0] for line in call("check").out.splitlines()] == spec_names()


def test_check_tells_every_mistake_of_every_file(call: Call, mine: Path, bad: Path) -> None:
    outcome = call("check", bad, mine, "no.yaml")
    assert outcome.code == 2
    assert outcome.out == "mine.yaml: ok, 5,798,891,520 parameters\n"
    assert outcome.err.splitlines() == [*BAD_MESSAGES, "no.yaml: cannot be read: No such file or directory"]


def test_check_gives_json(call: Call, mine: Path, bad: Path) -> None:
    outcome = call("check", bad, mine, "--json")
    wrong, good = outcome.data
    assert (outcome.code, outcome.err) == (2, "")
    assert good == {
        "spec": "mine.yaml",
        "ok": True,
        "name": "mine",
        "hash": harness.load_spec(mine).hash,
        "params": 5798891520,
    }
    assert (wrong["spec"], wrong["ok"], wrong["message"]) == ("bad.yaml", False, "\n".join(BAD_MESSAGES))
    assert [f"{p['file']}:{p['line']}:{p['column']}: {p['message']}" for p in wrong["problems"]] == BAD_MESSAGES


def test_diff_shows_choices_and_figures(call: Call) -> None:
    outcome = call("diff", "llama-7b", "llama-7b-mqa")
    assert (outcome.code, outcome.err) == (0, "")
    rows = [[cell.strip() for cell in line.split("│")[1:-1]] for line in outcome.out.splitlines() if line[:1] == "│"]
    assert rows[0] == ["mixer.num_kv_heads", "32 (MHA)", "1 (MQA)"]
    assert ["parameters", "6,738,415,616", "5,698,228,224", "0.8456"] in rows
    assert ["KV-cache bytes a token, fp16", "524,288", "16,384", "0.03125"] in rows
    assert ["parameters: mlp", "4,328,521,728", "4,328,521,728", "="] in rows


def test_diff_gives_json_at_one_length(call: Call) -> None:
    data = call("diff", "gpt1", "llama-7b", "--json", "--batch-size", 2).data
    assert (data["specs"], data["seq_len"], data["batch_size"]) == (["gpt1", "llama-7b"], 512, 2)
    assert data["choices"]["norm"] == ["layernorm", "rmsnorm"]
    assert data["choices"]["position.theta"] == [None, 10000.0]
    assert data["figures"]["KV-cache bytes, fp16"] == [2 * 512 * 36864, 2 * 512 * 524288]


def test_diff_takes_any_number_of_specs(call: Call) -> None:
    outcome = call("diff", "llama-7b", "llama-7b-mqa", "gpt1")
    rows = [[cell.strip() for cell in line.split("│")[1:-1]] for line in outcome.out.splitlines() if line[:1] == "│"]
    assert ["mixer.num_kv_heads", "32 (MHA)", "1 (MQA)", "12 (MHA)"] in rows
    assert ["position.theta", "10000.0", "10000.0", "-"] in rows
    assert ["parameters", "6,738,415,616", "5,698,228,224", "0.8456", "116,534,784", "0.01729"] in rows


def test_diff_of_one_has_nothing_to_compare(call: Call) -> None:
    outcome = call("diff", "llama-7b")
    assert (outcome.code, outcome.err) == (2, "expected two or more specs to put side by side, found 1\n")


def test_diff_of_the_same_says_so(call: Call) -> None:
    outcome = call("diff", "gpt3-175b", "chatgpt")
    assert outcome.out.splitlines()[0] == "The architectures are the same."
    assert call("diff", "gpt3-175b", "chatgpt", "--json").data["choices"] == {}


@pytest.mark.parametrize(
    ("name", "bytes_of_next"), [("llama-7b", 524288), ("llama-7b-banded", 0), ("gpt3-175b", 2359296)]
)
def test_one_more_token_costs_what_it_adds_at_that_length(call: Call, name: str, bytes_of_next: int) -> None:
    """A layer whose window is full drops a key for each new one."""
    assert call("show", name, "--seq-len", "2048", "--json").data["kv_cache_bytes_of_next_token"] == bytes_of_next
    assert f"{bytes_of_next:,}" in call("show", name, "--seq-len", "2048").out
