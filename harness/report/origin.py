"""Which code wrote a page: its version, and the commit where it runs from a checkout."""

from __future__ import annotations

import subprocess
from pathlib import Path

import harness


def origin() -> str:
    """`version 0.1.0, commit 1a2b3c4d5e`; with `-dirty` behind it where files were changed since."""
    commit = _commit(Path(harness.__file__).parents[1])
    return f"version {harness.__version__}" + (f", commit {commit}" if commit else "")


def _commit(root: Path) -> str:
    """Empty where the package is installed, or git is not."""
    if not (root / ".git").exists():
        return ""
    command = ["git", "-C", str(root), "describe", "--always", "--exclude=*", "--abbrev=10", "--dirty"]
    try:
        return subprocess.run(command, capture_output=True, text=True, check=True, timeout=30).stdout.strip()
    except (OSError, subprocess.SubprocessError):
        return ""
