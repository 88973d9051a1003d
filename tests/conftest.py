"""What all tests share."""

from __future__ import annotations

from pathlib import Path

import pytest

from harness.spec import Spec, load_spec, spec_names

ROOT = Path(__file__).parent.parent


@pytest.fixture(scope="session")
def specs() -> dict[str, Spec]:
    """Every spec of the library by name."""
    return {name: load_spec(name) for name in spec_names()}
