"""Toy metrics, known for the time of a test."""

from __future__ import annotations

import pytest

from harness.spec import Spec, load_spec
from tests.cli.conftest import call  # noqa: F401  # a fixture
from tests.runner.toys import lend


@pytest.fixture
def toys(monkeypatch: pytest.MonkeyPatch) -> None:
    """The metrics of `tests.runner.toys`, registered beside the real ones."""
    lend(monkeypatch)


@pytest.fixture(scope="session")
def llamas() -> list[Spec]:
    """Three specs of different depth."""
    return [load_spec(name) for name in ("llama-7b", "llama-13b", "llama-33b")]
