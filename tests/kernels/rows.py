"""Rows of the table of kernels, changed for a test."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from types import ModuleType

import pytest

from harness.tuning import AMD_AVX512, Tuning, tuned, tuning


@contextmanager
def changed(row: Tuning | None = None, **thresholds: int) -> Iterator[None]:
    """Compute by a row, or by that of this machine, with other thresholds."""
    with tuned(replace(row or tuning(), **thresholds)):
        yield


def onednn(**thresholds: int) -> Tuning:
    """A row that multiplies by oneDNN however little there is to multiply."""
    return replace(AMD_AVX512, **{"onednn_from": 1, "onednn_gradients_from": 1, **thresholds})


def counted(monkeypatch: pytest.MonkeyPatch, module: ModuleType, name: str) -> list[int]:
    """One entry a call of a function from now on."""
    calls: list[int] = []
    function = getattr(module, name)
    monkeypatch.setattr(module, name, lambda *given: calls.append(1) or function(*given))
    return calls
