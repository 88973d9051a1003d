"""How many tokens a recurrence computes as one chunk."""

from __future__ import annotations

import math

FEWEST = 16
"""Of less, calling the operators takes longer than what they compute."""


def chunk_size(tokens: int, state: int, most: int) -> int:
    """Tokens of a chunk, for a head whose state has so many numbers.

    Pairs of a chunk of C tokens cost a head C numbers a token, and states between chunks state / C, so C is the root
    of that where it may be, and such that the last chunk is as full as can be.
    """
    wanted = min(most, max(FEWEST, math.isqrt(state)))
    return -(-tokens // -(-tokens // wanted))
