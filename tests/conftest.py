"""What all tests share."""

from __future__ import annotations

import os
from pathlib import Path

# Tiny models gain nothing from threads, and threads that wait for a busy core stall. Set before torch is imported.
os.environ.setdefault("OMP_NUM_THREADS", "1")

import pytest

from harness.spec import Spec, load_spec, spec_names

ROOT = Path(__file__).parent.parent
EXACT = ["attention_pairs", "behaviour", "claims", "flops", "kv_cache", "params"]
"""Metrics in closed form, which answer at once; others train models."""


@pytest.fixture(scope="session")
def specs() -> dict[str, Spec]:
    """Every spec of the library by name."""
    return {name: load_spec(name) for name in spec_names()}
