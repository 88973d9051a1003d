"""Files that are there whole or not at all."""

from __future__ import annotations

import json
import os
import platform
import re
import stat
import tempfile
from contextlib import suppress
from pathlib import Path
from typing import Any

from harness.errors import HarnessError

_TEMPORARY = re.compile(r"\..+\.(?P<node>[^.]+)\.(?P<pid>\d+)\.\w+\.tmp")


MOST_BYTES = 1 << 26
"""Of a text that is read whole; the largest tokenizers of releases have half of that."""


def read_text(path: Path, most_bytes: int = MOST_BYTES) -> str:
    """A text that a stranger may have written: a regular file of a size that memory is not lost to.

    Raises:
        HarnessError: it is a device, a pipe or a folder, it is larger, or it is not UTF-8.
        OSError: it cannot be read.
    """
    found = path.stat()
    if not stat.S_ISREG(found.st_mode):
        raise HarnessError(f"{path}: expected a regular file")
    with path.open("rb") as file:
        content = file.read(most_bytes + 1)
    if len(content) > most_bytes:
        raise HarnessError(f"{path}: has {found.st_size:,} bytes, expected at most {most_bytes:,}")
    try:
        return content.decode()
    except UnicodeDecodeError as error:
        raise HarnessError(f"{path}: is not UTF-8 text: {error.reason} at byte {error.start}") from None


def read_json(path: Path) -> Any:
    """What a file in JSON holds.

    Raises:
        HarnessError: as `read_text`, or it is not JSON, or nested more deeply than Python follows.
        OSError: it cannot be read.
    """
    try:
        return json.loads(read_text(path))
    except (ValueError, RecursionError) as error:
        raise HarnessError(f"{path}: is not JSON: {error}") from None


def write_atomically(path: Path, content: str | bytes) -> None:
    """Write to a temporary file beside `path`, flush it to the disk, and rename it.

    Raises:
        HarnessError: the folder cannot be made, or nothing can be written to it.
    """
    try:
        _write_atomically(path, content.encode() if isinstance(content, str) else content)
    except OSError as error:
        raise HarnessError(f"{path}: cannot be written: {error.strerror}") from None


def _write_atomically(path: Path, content: bytes) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    handle, temporary = _temporary_file(path)
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        os.chmod(temporary, 0o644)
        os.replace(temporary, path)
    except BaseException:
        Path(temporary).unlink(missing_ok=True)
        raise


def _temporary_file(path: Path) -> tuple[int, str]:
    """A new file beside a path, open for writing, and its name, which tells whose it is."""
    return tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.{_node()}.{os.getpid()}.", suffix=".tmp")


def _node() -> str:
    return platform.node().replace(".", "-") or "unknown"


def try_folder(folder: Path) -> None:
    """Write a file to a folder and remove it.

    Raises:
        HarnessError: the folder cannot be made, or nothing can be written to it.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
        handle, temporary = _temporary_file(folder / "trial")
        try:
            os.write(handle, b"a trial")
            os.fsync(handle)
        finally:
            os.close(handle)
            Path(temporary).unlink(missing_ok=True)
    except OSError as error:
        raise HarnessError(f"{folder}: cannot be written: {error.strerror}") from None


def sweep(folder: Path) -> None:
    """Remove temporary files that processes of this machine left which were killed while they wrote."""
    for path in folder.rglob(".*.tmp"):
        found = _TEMPORARY.fullmatch(path.name)
        if found and found["node"] == _node() and not _runs(int(found["pid"])):
            path.unlink(missing_ok=True)


def _runs(pid: int) -> bool:
    with suppress(PermissionError):  # it runs, as another user's
        try:
            os.kill(pid, 0)
        except (ProcessLookupError, OverflowError):
            return False
    return True


def cache_folder() -> Path:
    """Where what can be computed or fetched anew is kept: $HARNESS_CACHE, or `harness` among the user's caches."""
    if chosen := os.environ.get("HARNESS_CACHE"):
        return Path(chosen)
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "harness"
