"""What all that goes through torch.compile needs."""

from __future__ import annotations

import shutil

from harness.errors import HarnessError


def require_compiler() -> None:
    """Raise HarnessError where there is no C++ compiler, with which torch.compile makes its kernels for the CPU."""
    if not any(map(shutil.which, ("c++", "g++", "clang++"))):
        raise HarnessError("torch.compile needs a C++ compiler, and there is none on this machine")
