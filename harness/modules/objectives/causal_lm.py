"""Causal language modelling."""

from __future__ import annotations

import numpy as np
import torch
from numpy.typing import NDArray

from harness.choices.objectives.causal_lm import CausalLM
from harness.modules import computes
from harness.modules.objectives import IGNORED, Batch, ObjectiveModule


@computes(CausalLM)
class NextToken(ObjectiveModule):
    """Every token is predicted from those before it."""

    def examples(self, tokens: NDArray[np.int64], answers: NDArray[np.bool_], rng: np.random.Generator) -> Batch:
        """Inputs are all tokens but the last, targets all but the first."""
        targets = np.where(answers, tokens, IGNORED)[:, 1:]
        return Batch(torch.from_numpy(tokens[:, :-1]), torch.from_numpy(targets))

    def prompt(self, tokens: NDArray[np.int64]) -> Batch:
        """The text as it is."""
        return Batch(torch.from_numpy(tokens))
