"""What a cell may take of time and memory, and what it does take."""

from __future__ import annotations

import os
import resource
from contextlib import suppress
from dataclasses import dataclass
from functools import cache
from pathlib import Path

LONGEST_S = 24 * 3600.0
"""The time limit where nothing tells how long a cell takes."""
CGROUP = Path("/sys/fs/cgroup/memory.max")
GIB = 1 << 30


@cache
def machine_bytes() -> int:
    """Memory of this machine, or of the container that this process is in."""
    installed = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    with suppress(OSError, ValueError):
        return min(installed, int(CGROUP.read_text()))
    return installed


@dataclass(frozen=True)
class Limits:
    """Of one cell.

    Attributes:
        seconds: the longest that it may take.
        memory_bytes: the most memory that its process, and those that it starts, may hold together; left out, that of
            the machine.
    """

    seconds: float = LONGEST_S
    memory_bytes: int = 0

    def __post_init__(self) -> None:
        if not self.memory_bytes:
            object.__setattr__(self, "memory_bytes", machine_bytes())


def limit_memory(limits: Limits) -> None:
    """Let this process's requests for more memory fail, so that the cell can say so itself."""
    hard = resource.getrlimit(resource.RLIMIT_DATA)[1]
    wanted = limits.memory_bytes if hard == resource.RLIM_INFINITY else min(limits.memory_bytes, hard)
    resource.setrlimit(resource.RLIMIT_DATA, (wanted, hard))


def memory_of(pid: int) -> int:
    """Bytes that a process and all that it started hold for themselves; 0 where the system does not tell."""
    total = 0
    with suppress(OSError, ValueError, IndexError):
        resident, shared = map(int, Path(f"/proc/{pid}/statm").read_text().split()[1:3])
        total += (resident - shared) * os.sysconf("SC_PAGE_SIZE")
        for child in Path(f"/proc/{pid}/task/{pid}/children").read_text().split():
            total += memory_of(int(child))
    return total


def gib(size: int) -> str:
    """Bytes in words.

    >>> gib(3 << 29)
    '1.50 GiB of memory'
    """
    return f"{size / GIB:.2f} GiB of memory"
