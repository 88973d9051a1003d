"""In-context language learning: every sequence comes from a Markov chain of its own over a few words.

The first word is drawn evenly; the word after each of the others is drawn from that word's row of a matrix, whose rows
are drawn from Dirichlet(1), alike and independent. What the sequence tells of its chain are its pairs of neighbours.
After Edelman et al. 2024, https://arxiv.org/abs/2402.11004, section 2, who draw the first word from the chain's
stationary distribution; drawn evenly it tells nothing of the chain, and the best prediction has a closed form.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from harness.tasks.synthetic import Questions, Tokens
from harness.tasks.synthetic.vocabulary import ITEMS, Words

Probabilities = NDArray[np.float64]


@dataclass(frozen=True)
class Chains:
    """The task.

    Attributes:
        states: words of a chain, S; at most as many as there are items, which lend their words.
        length: words of a sequence, n.
    """

    states: int
    length: int

    @property
    def words(self) -> Words:
        """Those of all chains."""
        return ITEMS[: self.states]

    def sequences(self, rng: np.random.Generator, batch: int) -> Tokens:
        """Words, [batch, n], a fresh chain for each sequence."""
        rows = rng.dirichlet(np.ones(self.states), size=(batch, self.states)).cumsum(-1)  # [B, S, S]
        luck = rng.random((batch, self.length))
        state = np.empty((batch, self.length), dtype=np.int64)
        state[:, 0] = luck[:, 0] * self.states
        for place in range(1, self.length):
            row = rows[np.arange(batch), state[:, place - 1], :-1]
            state[:, place] = (luck[:, place, None] >= row).sum(-1)
        return self.words.start + state

    def questions(self, rng: np.random.Generator, documents: int, known: int) -> Questions:
        """Documents of `known` words, and which word comes next.

        With the same generator state, fewer known words are the first of the same sequences.
        """
        words = self.sequences(rng, documents)
        return Questions(words[:, :known], words[:, known], self.words)

    def bayes(self, asked: Questions) -> Probabilities:
        """The probability of each next word given those known, [documents, S], which no predictor can better.

        A row of Dirichlet(1) that has drawn its words c_1 to c_S times is Dirichlet(1 + c), so the next word's
        probability is its mean, (c_j + 1) / (c_1 + ... + c_S + S): counts of neighbours, with one added to each.
        """
        before, after = asked.prompts[:, :-1], asked.prompts[:, 1:]
        return self._smoothed(np.where(before == asked.prompts[:, -1:], after, -1))

    def unigram(self, asked: Questions) -> Probabilities:
        """What can be told from how often words came, whatever their order: counts, with one added to each."""
        return self._smoothed(asked.prompts)

    def _smoothed(self, seen: Tokens) -> Probabilities:
        """(c_j + 1) / (c + S) of the words in each row, [documents, S]."""
        counts = (seen[:, :, None] == np.array(self.words)).sum(1) + 1.0
        return np.asarray(counts / counts.sum(-1, keepdims=True))
