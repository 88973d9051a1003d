"""How all models are trained: settings of the experiment, not of an architecture. No torch here: plans are quick."""

from __future__ import annotations

import math
from dataclasses import dataclass


@dataclass(frozen=True)
class Recipe:
    """Optimiser, schedule and first weights; tuned once, on a model of the LLaMA family, and the same for all.

    Attributes:
        steps: optimiser steps.
        batch_size: sequences of a step, B.
        learning_rate: of AdamW, the highest.
        beta1: decay of the mean of gradients.
        beta2: decay of the mean of their squares.
        weight_decay: of all parameters.
        warmup_steps: over which the rate rises linearly from 0.
        constant_until: share of the steps after which the rate falls to 0 along half a cosine.
        embedding_std: of the token table. Small models learn no recall in the time there is from rows of 0.02.
        position_std: of learned positions, which at 1.0 drown the tokens.
    """

    steps: int = 1500
    batch_size: int = 32
    learning_rate: float = 3e-3
    beta1: float = 0.9
    beta2: float = 0.98
    weight_decay: float = 0.1
    warmup_steps: int = 50
    constant_until: float = 0.7
    embedding_std: float = 1.0
    position_std: float = 0.3

    def rate(self, step: int) -> float:
        """The learning rate of a step, counted from 0."""
        if step < self.warmup_steps:
            return self.learning_rate * (step + 1) / self.warmup_steps
        start = self.constant_until * self.steps
        if step < start:
            return self.learning_rate
        return self.learning_rate * (1 + math.cos(math.pi * (step - start) / (self.steps - start))) / 2
