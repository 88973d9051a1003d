"""A made-up language: one Markov chain of the second order, so that every word depends on the two before it.

All sequences come from the same chain, unlike those of `harness.tasks.synthetic.markov`: a model keeps it in its
weights, and some dozens of steps teach it. Of the word before last only attention can tell.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from harness.tasks.synthetic import Tokens

Probabilities = NDArray[np.float64]
ROUNDS = 4000
"""Of the iteration that finds how often pairs of words come; it halves its errors many times over."""


@dataclass(frozen=True)
class Text:
    """The language.

    Attributes:
        words: how many there are, V.
        length: words of a sequence that are predicted, T; one more is read.
        concentration: of the Dirichlet distribution that each pair's next words are drawn from; small is predictable.
        seed: of the chain.
    """

    words: int
    length: int
    concentration: float
    seed: int

    @cached_property
    def following(self) -> Probabilities:
        """How likely each word is behind each pair, [V, V, V]."""
        alpha = np.full(self.words, self.concentration)
        return np.random.default_rng(self.seed).dirichlet(alpha, size=(self.words, self.words))

    @cached_property
    def pairs(self) -> Probabilities:
        """How often each pair of neighbours comes in the long run, [V, V]."""
        pairs = np.full((self.words, self.words), self.words**-2.0)
        for _ in range(ROUNDS):  # half of the old keeps it from turning in circles
            pairs = (pairs + np.einsum("ab,abc->bc", pairs, self.following)) / 2
        return np.asarray(pairs / pairs.sum())

    @property
    def unigram(self) -> float:
        """Cross entropy in nats a word of who knows how often words come, and nothing of their order."""
        return _entropy(self.pairs.sum(0))

    @property
    def best(self) -> float:
        """Cross entropy in nats a word of who knows the chain: of the first word, one word before it is known."""
        first = _entropy(self.pairs) - _entropy(self.pairs.sum(1))
        later = _entropy(self.pairs[:, :, None] * self.following) - _entropy(self.pairs)
        return (first + (self.length - 1) * later) / self.length

    def sequences(self, rng: np.random.Generator, batch: int) -> Tokens:
        """Words, [batch, T + 1]; the first two as often as they come."""
        luck = rng.random((batch, self.length))
        words = np.empty((batch, self.length + 1), dtype=np.int64)
        pair = rng.choice(self.words**2, size=batch, p=self.pairs.ravel())
        words[:, 0], words[:, 1] = np.divmod(pair, self.words)
        rows = self.following.cumsum(-1)
        for place in range(2, self.length + 1):
            row = rows[words[:, place - 2], words[:, place - 1], :-1]
            words[:, place] = (luck[:, place - 1, None] >= row).sum(-1)
        return words


def _entropy(probabilities: Probabilities) -> float:
    """In nats; what never comes adds nothing."""
    some = probabilities[probabilities > 0]
    return float(-(some * np.log(some)).sum())
