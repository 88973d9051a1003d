"""Stored results are whole or not there, and say what they are results of."""

from __future__ import annotations

import getpass
import json
import os
import platform
import re
import socket
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from harness.cells import (
    Cell,
    cell_key,
    cell_path,
    environment,
    read_cell,
    read_cells,
    record,
    write_cell,
)
from harness.errors import HarnessError, UnreadableResultWarning
from harness.experiments import experiments
from harness.files import write_atomically
from harness.metrics import metrics
from harness.result_types import RESULT_TYPES, unlike
from harness.runner.plan import plan
from harness.spec import load_spec


def cell(**changed: Any) -> Cell:
    parts: dict[str, Any] = {
        "spec": record(load_spec("llama-7b")),
        "metric": "params",
        "version": 1,
        "settings": {"seq_lens": [1, 2]},
        "environment": environment(),
        "status": "ok",
        "values": {"total": 6738415616, "ratio": 0.1},
        "created": "2024-01-01T00:00:00.000000+00:00",
        "seconds": 0.5,
    }
    return Cell(**{**parts, **changed})


def test_what_is_written_is_read(tmp_path: Path) -> None:
    path = write_cell(tmp_path, cell())
    assert path == tmp_path / "results" / "llama-7b" / f"params-{cell().key}.json"
    assert path == cell_path(tmp_path, "llama-7b", "params", cell().key)
    assert read_cell(path) == cell()
    assert list(path.parent.iterdir()) == [path]
    assert path.stat().st_mode & 0o777 == 0o644


def test_the_record_says_all_that_a_report_needs() -> None:
    stored = json.loads(cell().model_dump_json())["spec"]
    spec = load_spec("llama-7b")
    assert stored["name"] == "llama-7b"
    assert stored["hash"] == spec.hash
    assert stored["architecture"] == json.loads(json.dumps(spec.architecture))
    assert stored["sources"]["touvron2023"]["url"] == "https://arxiv.org/abs/2302.13971"


class CrashError(BaseException):
    """The end of the process, as far as the code can see."""


@pytest.mark.parametrize("step", ["replace", "fsync", "chmod"])
def test_a_crash_leaves_the_old_file_and_no_other(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, step: str) -> None:
    def crash(*_: object) -> None:
        raise CrashError

    path = tmp_path / "deep" / "file.json"
    write_atomically(path, "old")
    monkeypatch.setattr(os, step, crash)
    with pytest.raises(CrashError):
        write_atomically(path, "new")
    monkeypatch.undo()
    assert path.read_text() == "old"
    assert list(path.parent.iterdir()) == [path]
    write_atomically(path, "new")
    assert path.read_text() == "new"


def test_a_full_disk_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(_: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    path = tmp_path / "file.json"
    with pytest.raises(HarnessError) as caught:
        write_atomically(path, "new")
    assert str(caught.value) == f"{path}: cannot be written: No space left on device"
    assert list(tmp_path.iterdir()) == []


def refusal(path: Path) -> str:
    with pytest.raises(HarnessError) as caught:
        read_cell(path)
    return str(caught.value)


def of_format_1(attention: dict[str, Any], **changed: Any) -> dict[str, Any]:
    """A stored result as versions wrote it that had three kinds of attention."""
    stored: dict[str, Any] = json.loads(cell().model_dump_json())
    choices = stored["spec"]["architecture"]["choices"]
    del choices["mixer"]
    choices["attention"] = {"bias": False, "head_dim": None, **attention}
    stored["spec"]["hash"] = "0123456789abcdef"
    return {**stored, "format": 1, **changed}


@pytest.mark.parametrize(
    "attention",
    [
        {"kind": "grouped_query", "num_heads": 32, "num_kv_heads": 32, "fused": False},
        {"kind": "multi_head", "num_heads": 32, "fused": True},
    ],
)
def test_a_result_of_an_older_version_counts_for_the_same_architecture(
    tmp_path: Path, attention: dict[str, Any]
) -> None:
    path = tmp_path / "cell.json"
    path.write_text(json.dumps(of_format_1(attention)))
    assert read_cell(path) == cell()
    path.write_text(json.dumps(of_format_1(attention, spec=None)))
    assert read_cell(path) == cell(spec=None)


def test_a_result_of_an_older_version_that_is_not_understood_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "cell.json"
    path.write_text(json.dumps(of_format_1({"kind": "linear", "num_heads": 32})))
    message = "not a stored result: the file: Value error, of an older version, and no longer understood: "
    assert refusal(path).startswith(f"{path}: {message}")
    assert "unknown mixer 'linear'" in refusal(path)
    assert refusal(path).endswith(ADVICE)


ADVICE = "delete it and run again"


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"format": 4}, f"not a stored result: format: Input should be 3; {ADVICE}"),
        ({"note": "x"}, f"not a stored result: note: Extra inputs are not permitted; {ADVICE}"),
        (
            {"status": "fine"},
            f"not a stored result: status: Input should be 'ok' or 'failed'; {ADVICE}",
        ),
        (
            {"metric": "../x"},
            f"not a stored result: metric: String should match pattern '^[a-z0-9_]+$'; {ADVICE}",
        ),
        ({"seconds": None}, f"not a stored result: seconds: Input should be a valid number; {ADVICE}"),
        (
            {"created": "zz"},
            f"not a stored result: created: Value error, Invalid isoformat string: 'zz'; {ADVICE}",
        ),
        (
            {"environment": {"packages": {}, "hardware": 1}},
            f"not a stored result: environment.hardware: Input should be an object; {ADVICE}",
        ),
        (
            {"metric": "attention_pairs", "version": 2, "values": {"points": [], "checked": [True]}},
            f"not a stored result: values.checked.0: Input should be a valid integer; {ADVICE}",
        ),
        ({"spec": {}}, f"not a stored result: spec.name: Field required; {ADVICE}"),
    ],
)
def test_another_file_is_refused_by_name(tmp_path: Path, changed: dict[str, Any], message: str) -> None:
    path = tmp_path / "cell.json"
    path.write_text(json.dumps(json.loads(cell().model_dump_json()) | changed))
    assert refusal(path) == f"{path}: {message}"


@pytest.mark.parametrize("text", ["", "junk", "[]", "null", '"text"', "{}", cell().model_dump_json()[:-1]])
def test_junk_is_refused_by_name(tmp_path: Path, text: str) -> None:
    path = tmp_path / "cell.json"
    path.write_text(text)
    assert re.fullmatch(f"{re.escape(str(path))}: not a stored result: .+; {ADVICE}", refusal(path))


def test_what_cannot_be_read_is_refused_by_name(tmp_path: Path) -> None:
    assert refusal(tmp_path / "no.json").startswith(f"{tmp_path / 'no.json'}: cannot be read: ")
    path = tmp_path / "binary.json"
    path.write_bytes(b"\xff\xfe")
    assert refusal(path).startswith(f"{path}: is not UTF-8 text: ")


def test_the_newest_of_several_wins(tmp_path: Path) -> None:
    hot = {**environment(), "hardware": {**environment()["hardware"], "processor": "another"}}
    old, new = cell(environment=hot), cell(created="2024-01-02T00:00:00.000000+00:00")
    for one in (new, old):
        write_cell(tmp_path, one)
    assert old.key != new.key
    assert read_cells(tmp_path) == [new]


def test_a_file_that_is_no_result_is_left_out_and_told(tmp_path: Path) -> None:
    path = write_cell(tmp_path, cell())
    broken = path.with_name("broken.json")
    broken.write_text("{")
    with pytest.warns(UnreadableResultWarning, match=f"^{re.escape(str(broken))}: not a stored result: "):
        assert read_cells(tmp_path) == [cell()]


@pytest.mark.parametrize("name", ["../../elsewhere", "/elsewhere", "a/b", "", ".hidden"])
def test_a_name_that_leads_out_of_the_folder_is_refused(tmp_path: Path, name: str) -> None:
    stored = json.loads(cell().model_dump_json())
    stored["spec"]["name"] = name
    path = tmp_path / "cell.json"
    path.write_text(json.dumps(stored))
    assert f"{path}: not a stored result: spec.name: " in refusal(path)


@pytest.mark.parametrize("url", ["javascript:alert(1)", "data:text/html,x", "file:///x"])
def test_an_address_that_is_none_of_the_web_is_refused(tmp_path: Path, url: str) -> None:
    stored = json.loads(cell().model_dump_json())
    stored["spec"]["sources"] = {"x": {"title": "x", "url": url}}
    path = tmp_path / "cell.json"
    path.write_text(json.dumps(stored))
    assert f"{path}: not a stored result: spec.sources.x.url: " in refusal(path)


def test_an_architecture_that_no_spec_has_is_refused(tmp_path: Path) -> None:
    stored = json.loads(cell().model_dump_json())
    stored["spec"]["architecture"]["choices"]["mlp"]["kind"] = "swigul"
    path = tmp_path / "cell.json"
    path.write_text(json.dumps(stored))
    reason = "spec.architecture: its architecture: unknown mlp 'swigul'; allowed: "
    assert refusal(path).startswith(f"{path}: not a stored result: {reason}")


def test_each_metric_and_experiment_of_today_has_its_type() -> None:
    today = {(name, kinds[name].version) for kinds in (metrics, experiments) for name in kinds.names()}
    assert set(RESULT_TYPES) == today


@pytest.mark.parametrize("name", ["llama-7b", "deepseek-v3", "mamba-2-8b", "jamba-v0-1"])
def test_what_metrics_write_is_of_their_types(name: str) -> None:
    spec = load_spec(name)
    for metric in ("attention_pairs", "claims", "flops", "kv_cache", "params"):
        if metrics[metric]().applies(spec):
            (planned,) = plan([spec], [metric], "quick")
            assert unlike(metric, planned.version, planned.settings, json.loads(json.dumps(planned.values()))) is None


def test_other_settings_are_other_results(tmp_path: Path) -> None:
    cells = [cell(), cell(settings={}), cell(metric="flops")]
    for one in cells:
        write_cell(tmp_path, one)
    assert sorted(read_cells(tmp_path), key=lambda c: c.key) == sorted(cells, key=lambda c: c.key)


def test_nothing_is_stored_in_an_empty_folder(tmp_path: Path) -> None:
    assert read_cells(tmp_path) == read_cells(tmp_path / "no") == []


PARTS: list[Any] = ["a" * 16, "params", 1, {"seq_lens": [1, 2]}, {"packages": {"torch": "1"}}]
OTHERS: list[Any] = ["b" * 16, "flops", 2, {"seq_lens": [2, 1]}, {"packages": {"torch": "2"}}]


@pytest.mark.parametrize("place", range(5))
def test_every_part_enters_the_key(place: int) -> None:
    assert re.fullmatch(r"[0-9a-f]{16}", cell_key(*PARTS))
    changed = [*PARTS[:place], OTHERS[place], *PARTS[place + 1 :]]
    assert cell_key(*changed) != cell_key(*PARTS)


@settings(deadline=None)
@given(st.permutations(["a", "b", "c"]))
def test_the_order_of_settings_does_not_enter_the_key(order: list[str]) -> None:
    chosen = {name: ord(name) for name in order}
    assert cell_key("h", "m", 1, chosen, {}) == cell_key("h", "m", 1, {"a": 97, "b": 98, "c": 99}, {})


def test_names_values_and_times_do_not_enter_the_key() -> None:
    other = record(load_spec("chatgpt"))
    assert cell(spec=other).key == cell(spec=record(load_spec("gpt3-175b"))).key
    assert cell(values={}, status="failed", reason="x", seconds=9, created="2025-01-01").key == cell().key


def test_the_environment_names_versions_and_the_machine_and_no_person() -> None:
    found = environment()
    assert set(found) == {"packages", "hardware"}
    assert set(found["packages"]) == {"python", "torch", "fvcore", "lm-eval", "numpy"}
    assert all(re.match(r"\d+\.", version) for version in found["packages"].values())
    assert set(found["hardware"]) == {"machine", "processor", "cores", "kernels"}
    text = json.dumps(found)
    assert str(Path.home()) not in text or Path.home() == Path("/")
    words = set(re.findall(r"[\w.-]+", text))
    assert not words & {socket.gethostname(), platform.node(), getpass.getuser()}
    assert not re.search(r'"/', text)


def test_times_are_utc() -> None:
    from harness.runner.measure import measure

    (planned,) = plan([load_spec("gpt1")], ["claims"], "quick")
    created = datetime.fromisoformat(measure(planned).created)
    assert created.utcoffset() is not None
    assert str(created.utcoffset()) == "0:00:00"
