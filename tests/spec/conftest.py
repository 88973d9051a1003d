"""Spec files in a folder of the test's own."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.spec.writing import Write


@pytest.fixture
def write(tmp_path: Path) -> Write:
    """Write files by stem, `write(child="...", parent="...")`, and give the path of the first."""

    def write(**files: str) -> Path:
        paths = [tmp_path / f"{stem.replace('_', '-')}.yaml" for stem in files]
        for path, text in zip(paths, files.values(), strict=True):
            path.write_text(text, encoding="utf-8")
        return paths[0]

    return write
