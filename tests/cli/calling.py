"""The program, called as `main()` in this process or as `python -m harness` in one of its own."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.conftest import ROOT


@dataclass(frozen=True)
class Outcome:
    """What a call left: its exit code and what it printed."""

    code: int
    out: str
    err: str

    @property
    def data(self) -> Any:
        """The standard output read as JSON."""
        return json.loads(self.out)


Call = Callable[..., Outcome]


def environment() -> dict[str, str]:
    """Of a process in another folder, in which this checkout is found."""
    return {**os.environ, "PYTHONPATH": str(ROOT), "COLUMNS": "200"}


def run_python(*arguments: str, folder: Path, timeout: float = 120) -> Outcome:
    """Run the interpreter in a folder, to its end."""
    process = subprocess.run(
        [sys.executable, *arguments],
        cwd=folder,
        env=environment(),
        capture_output=True,
        text=True,
        timeout=timeout,
        check=False,
    )
    return Outcome(process.returncode, process.stdout, process.stderr)
