"""Calls of the command line in an empty folder."""

from __future__ import annotations

from pathlib import Path

import pytest

from harness.cli.app import main
from tests.cli.calling import Call, Outcome


@pytest.fixture
def call(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Call:
    """`call("show", "llama-7b")` does what `harness show llama-7b` does, in the folder of the test."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("COLUMNS", "200")

    def call(*arguments: object) -> Outcome:
        monkeypatch.setattr("sys.argv", ["harness", *map(str, arguments)])
        capsys.readouterr()
        code = 0
        try:
            main()
        except SystemExit as end:
            code = int(end.code or 0)
        return Outcome(code, *capsys.readouterr())

    return call


MINE = "name: mine\nextends: llama-7b\nchoices: {mixer: {num_kv_heads: 4}}\n"
BAD = "name: bad\nextends: llama-7b\nchoices: {mixer: {num_kv_heads: 5}}\ntitel: Bad\n"


@pytest.fixture
def mine(tmp_path: Path) -> Path:
    """A good spec of a user's own, `mine.yaml`."""
    (tmp_path / "mine.yaml").write_text(MINE)
    return Path("mine.yaml")


@pytest.fixture
def bad(tmp_path: Path) -> Path:
    """A spec with two mistakes, `bad.yaml`."""
    (tmp_path / "bad.yaml").write_text(BAD)
    return Path("bad.yaml")
