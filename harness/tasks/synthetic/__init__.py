"""Tasks that are made up afresh for every sequence, so that only the sequence itself can tell the answer.

Every sequence is pairs of two words, "item label item label ...": what stands at an odd place is an answer, and can
be supervised. A sequence is a function of the seed and the number of its batch alone.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from harness.tasks.synthetic.vocabulary import Words

Tokens = NDArray[np.int64]


@dataclass(frozen=True)
class Questions:
    """Prompts of one length with their answers.

    Attributes:
        prompts: tokens, [documents, length]: demonstrations, then what is asked.
        answers: the token that follows, [documents].
        choices: the words that an answer is chosen from.
    """

    prompts: Tokens
    answers: Tokens
    choices: Words

    @property
    def chance(self) -> float:
        """Accuracy of guessing."""
        return 1 / len(self.choices)


def interleave(asked: Tokens, answers: Tokens) -> Tokens:
    """Pairs in a row: [B, P] and [B, P] -> [B, 2 P]."""
    return np.stack((asked, answers), axis=-1).reshape(len(asked), -1)


def ask(asked: Tokens, answers: Tokens, choices: Words) -> Questions:
    """The last of the pairs as a question behind the others, [B, P] and [B, P]."""
    pairs = interleave(asked, answers)
    return Questions(pairs[:, :-1], pairs[:, -1], choices)
