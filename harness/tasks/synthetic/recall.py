"""Associative recall: which value goes with which key is drawn afresh for every sequence.

After Arora et al. 2023 (MQAR), https://arxiv.org/abs/2312.04927.
"""

from __future__ import annotations

import numpy as np

from harness.tasks.synthetic import Questions, Tokens, ask, interleave
from harness.tasks.synthetic.vocabulary import KEYS, VALUES

MOST_KEYS = 16
"""The most keys that a training sequence uses."""


def training(rng: np.random.Generator, batch: int, pairs: int, most_keys: int = MOST_KEYS) -> Tokens:
    """Sequences of key and value, [batch, 2 pairs]; each uses 1 to `most_keys` keys, so most come more than once."""
    keys, values = _bound(rng, batch, most_keys)
    active = rng.integers(1, most_keys + 1, size=(batch, 1))
    used = rng.integers(0, active, size=(batch, pairs))
    return interleave(np.take_along_axis(keys, used, axis=1), np.take_along_axis(values, used, axis=1))


def questions(rng: np.random.Generator, documents: int, keys: int) -> Questions:
    """Documents that give each of `keys` keys its value once, and then ask for one of them."""
    asked, values = _bound(rng, documents, keys)
    query = rng.integers(0, keys, size=(documents, 1))
    asked, values = (np.hstack((side, np.take_along_axis(side, query, axis=1))) for side in (asked, values))
    return ask(asked, values, VALUES)


def _bound(rng: np.random.Generator, batch: int, keys: int) -> tuple[Tokens, Tokens]:
    """Different keys and the value of each, [batch, keys]; values may repeat."""
    drawn = rng.permuted(np.tile(np.array(KEYS), (batch, 1)), axis=1)[:, :keys]
    return drawn, rng.integers(VALUES.start, VALUES.stop, size=(batch, keys))
