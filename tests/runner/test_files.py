"""Files are there whole or not at all, and who is killed leaves nothing for good."""

from __future__ import annotations

import ast
import os
import subprocess
import sys
from pathlib import Path

import pytest

from harness.errors import HarnessError
from harness.files import sweep, try_folder, write_atomically
from tests.conftest import ROOT

KILLED = """
import os, signal
from pathlib import Path
from harness.files import write_atomically
os.fsync = lambda handle: os.kill(os.getpid(), signal.SIGKILL)
write_atomically(Path("folder/file.json"), "new")
"""


def test_who_is_killed_while_it_writes_leaves_the_old_file_and_what_can_be_swept(tmp_path: Path) -> None:
    path = tmp_path / "folder/file.json"
    write_atomically(path, "old")
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    killed = subprocess.run([sys.executable, "-c", KILLED], cwd=tmp_path, env=environment, check=False)
    assert killed.returncode == -9
    assert path.read_text() == "old"
    (left,) = set(path.parent.iterdir()) - {path}
    assert left.match(".*.tmp")
    of_this_process, elsewhere = (
        path.with_name(left.name.replace(*change))
        for change in (
            (left.name.split(".")[-3], str(os.getpid())),
            (left.name.split(".")[-4], "another-node"),
        )
    )
    others = path.with_name(".mine.tmp")
    for each in (of_this_process, elsewhere, others):
        each.write_text("")
    sweep(tmp_path)
    assert set(path.parent.iterdir()) == {path, of_this_process, elsewhere, others}


def test_a_disk_that_fills_up_leaves_the_old_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "file.json"
    write_atomically(path, "old")

    def full(handle: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("os.fsync", full)
    with pytest.raises(HarnessError, match="cannot be written: No space left on device"):
        write_atomically(path, "new")
    with pytest.raises(HarnessError, match="cannot be written: No space left on device"):
        try_folder(tmp_path)
    assert list(tmp_path.iterdir()) == [path]
    assert path.read_text() == "old"


def test_trying_a_folder_leaves_nothing_in_it(tmp_path: Path) -> None:
    try_folder(tmp_path / "deep/down")
    assert [path for path in tmp_path.rglob("*") if path.is_file()] == []


def test_nothing_is_written_but_atomically() -> None:
    """But for weights and tokenizers of a checkpoint that a user saves, all goes through `write_atomically`."""
    found = set()
    for path in (ROOT / "harness").rglob("*.py"):
        for call in ast.walk(ast.parse(path.read_text())):
            if isinstance(call, ast.Call) and _writes(call):
                found.add(path.relative_to(ROOT / "harness").as_posix())
    assert found == {"files.py", "checkpoints/load.py", "evaluation/text.py"}


def _writes(call: ast.Call) -> bool:
    name = call.func.attr if isinstance(call.func, ast.Attribute) else getattr(call.func, "id", "")
    if name in ("write_text", "write_bytes", "fdopen", "save_file", "to_csv", "to_parquet"):
        return True
    given = [*call.args, *(keyword.value for keyword in call.keywords)]
    modes = [each.value for each in given if isinstance(each, ast.Constant) and isinstance(each.value, str)]
    return name == "open" and any(set(mode) <= set("wax+bt") and set(mode) & set("wax+") for mode in modes)
