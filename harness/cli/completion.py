"""What a shell offers where a command takes a spec."""

from __future__ import annotations

from pathlib import Path


def specs(incomplete: str) -> list[str]:
    """Names of the library, and spec files of the current folder, that begin so."""
    from harness.spec.library import spec_names

    files = sorted(path.name for path in Path().iterdir() if path.suffix in (".yaml", ".yml"))
    return [name for name in (*spec_names(), *files) if name.startswith(incomplete)]
