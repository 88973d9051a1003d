"""What metrics write is of the types that their stored results are held to."""

from __future__ import annotations

import pytest

from harness.metrics import metrics
from tests.results.typed import hold_to_types


@pytest.fixture(autouse=True)
def held_to_their_types(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever a test here measures."""
    hold_to_types(monkeypatch, metrics)
