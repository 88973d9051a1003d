"""What is read of strangers is a regular file of bounded size and depth."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from harness.checkpoints.config import read_config
from harness.errors import HarnessError
from harness.files import read_json, read_text
from harness.spec.tree import read_tree


def test_a_text_within_its_bounds_is_read(tmp_path: Path) -> None:
    file = tmp_path / "text"
    file.write_text("grün")
    assert read_text(file, most_bytes=5) == "grün"
    with pytest.raises(HarnessError, match=r"text: has 5 bytes, expected at most 4$"):
        read_text(file, most_bytes=4)
    file.write_bytes(b"ab\xff")
    with pytest.raises(HarnessError, match=r"text: is not UTF-8 text: invalid start byte at byte 2$"):
        read_text(file)
    with pytest.raises(FileNotFoundError):
        read_text(tmp_path / "none")


@pytest.mark.parametrize("read", [read_text, read_json, read_config, read_tree])
def test_devices_and_pipes_are_refused_without_waiting(tmp_path: Path, read: object) -> None:
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    for path in (pipe, Path("/dev/zero")):
        with pytest.raises(HarnessError, match=f"{path}.*: expected a regular file$"):
            read(path)  # type: ignore[operator]


@pytest.mark.parametrize("text", ["{", "[" * 100_000, ""], ids=["open", "deep", "empty"])
def test_what_is_not_json_is_refused(tmp_path: Path, text: str) -> None:
    file = tmp_path / "file.json"
    file.write_text(text)
    with pytest.raises(HarnessError, match=r"file\.json: is not JSON: "):
        read_json(file)
