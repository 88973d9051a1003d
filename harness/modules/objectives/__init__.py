"""Objectives: from sequences of tokens to what a model reads and what it is to predict."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from torch import Tensor

from harness.choices.objectives import Objective
from harness.choices.positions import Position

IGNORED = -100
"""The target of a place where nothing is to be predicted, as torch's cross entropy has it."""


@dataclass(frozen=True)
class Specials:
    """Token numbers that an objective may put between those of a text.

    Attributes:
        mask: stands for a span that was cut out.
        start: read before a span.
        stop: to be predicted behind a span.
    """

    mask: int
    start: int
    stop: int


@dataclass(frozen=True)
class Batch:
    """What a model is given, and what it is to predict.

    Attributes:
        input_ids: [B, T], or real vectors, [B, T, V].
        targets: the token to be predicted at each place, or `IGNORED`, [B, T], or what the loss of the task asks for;
            None for a prompt, at whose last place the answer is predicted.
        context: how many leading tokens are context; a number, or one a sequence, [B].
        position_ids: what the position scheme is told instead of the places; None for the places.
    """

    input_ids: Tensor
    targets: Tensor | None = None
    context: int | Tensor = 0
    position_ids: Tensor | None = None


class ObjectiveModule:
    """How an objective turns texts into batches.

    Args:
        objective: the choice.
        position: the scheme that will be told the positions.
        specials: tokens that the objective may add.
    """

    def __init__(self, objective: Objective, position: Position, specials: Specials) -> None:
        self.position = position
        self.specials = specials

    def examples(self, tokens: NDArray[np.int64], answers: NDArray[np.bool_], rng: np.random.Generator) -> Batch:
        """Texts to be trained on.

        Args:
            tokens: [B, n].
            answers: which of the tokens can be told from the others and are to be predicted, [n].
            rng: source of randomness of objectives that need any.
        """
        raise NotImplementedError

    def prompt(self, tokens: NDArray[np.int64]) -> Batch:
        """Texts, [B, n], whose next token is to be predicted at the last place of the batch."""
        raise NotImplementedError
