"""Chunks: as long as suits the state, and even."""

from __future__ import annotations

import pytest

from harness.modules.kernels.chunks import chunk_size


@pytest.mark.parametrize(
    ("tokens", "state", "size"),
    [
        (512, 64 * 128, 64),  # as many as are allowed
        (512, 32 * 32, 32),
        (66, 16 * 16, 14),  # five chunks, of which the last has ten
        (65, 2, 13),  # as few as pay off, in five chunks
        (9, 64 * 64, 9),
        (1, 1, 1),
    ],
)
def test_a_chunk_suits_the_state_and_the_last_is_nearly_full(tokens: int, state: int, size: int) -> None:
    assert chunk_size(tokens, state, most=64) == size
