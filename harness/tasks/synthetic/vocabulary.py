"""The words of all tasks here: each is one token, and its number is its place."""

from __future__ import annotations

from typing import NamedTuple

Words = range
"""Consecutive token numbers."""

END, MASK, START, STOP = range(4)
"""The end of a text (and padding), and what blank infilling needs: a blank, and where its filling starts and stops."""

ITEMS = range(4, 4 + 16)
"""What is classified."""
LABELS = range(ITEMS.stop, ITEMS.stop + 8)
KEYS = range(LABELS.stop, LABELS.stop + 64)
VALUES = range(KEYS.stop, KEYS.stop + 64)

SIZE = VALUES.stop
"""Words in all, V."""


class _Kind(NamedTuple):
    name: str
    words: Words


WORDS = [
    "<end>",
    "<mask>",
    "<start>",
    "<stop>",
    *(
        f"{kind.name}{index}"
        for kind in (_Kind("item", ITEMS), _Kind("label", LABELS), _Kind("key", KEYS), _Kind("value", VALUES))
        for index in range(len(kind.words))
    ),
]
"""How each token is written; a text is words with spaces between them."""


def text(tokens: list[int]) -> str:
    """Tokens as they are written: "item3 label5 item7"."""
    return " ".join(WORDS[token] for token in tokens)
