"""The tutorial, done from its first command to its last."""

from __future__ import annotations

import re
import shlex
import subprocess
import sys
from pathlib import Path

from tests.cli.calling import environment
from tests.conftest import ROOT

TUTORIAL = (ROOT / "docs" / "tutorial.md").read_text(encoding="utf-8")


def stands_in(expected: list[str], printed: str) -> bool:
    """Whether each line is part of a line of what was printed, in the same order."""
    lines = iter(printed.splitlines())
    return all(any(each in line for line in lines) for each in expected)


def test_every_command_prints_what_stands_below_it(tmp_path: Path) -> None:
    """Two small models are trained, for real, unless the cache of this machine has them."""
    codes = []
    for language, block in re.findall(r"```(\w+)\n(.*?)```", TUTORIAL, flags=re.DOTALL):
        if language == "yaml":
            name = block.split("\n", maxsplit=1)[0].removeprefix("# ")
            (tmp_path / name).write_text(block, encoding="utf-8")
            continue
        if language == "python":
            arguments, expected = [sys.executable, "-c", block], []
        elif language == "console":
            first, *expected = block.splitlines()
            program, *rest = shlex.split(first.removeprefix("$ "))
            assert program == "harness"
            arguments = [sys.executable, "-m", "harness", *rest]
        else:
            assert block == "pip install -e '.[report,run]'\n"
            continue
        done = subprocess.run(
            arguments,
            cwd=tmp_path,
            env={**environment(), "BROWSER": "true"},
            capture_output=True,
            text=True,
            timeout=900,
            check=False,
        )
        codes.append(done.returncode)
        assert stands_in(expected, done.stdout + done.stderr), (arguments, done.stdout, done.stderr)
    assert codes == [0, 2, *[0] * (len(codes) - 2)]
    assert len(codes) == 9
