"""Which questions a model answers: the likeliest of the words that may be the answer."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from statistics import fmean

import numpy as np
import torch
from numpy.typing import NDArray
from torch.nn.functional import cross_entropy

from harness.modules.decoder import Decoder
from harness.modules.objectives import Batch
from harness.tasks.synthetic import Questions
from harness.training.loop import Loss, batch_loss, one_thread
from harness.training.mixture import objective_of

BATCH = 250


@dataclass(frozen=True)
class Scores:
    """Of questions.

    Attributes:
        right: whether the likeliest of the words that may be the answer is the answer, [documents].
        nats: by which the answer surprised, among all words, [documents].
    """

    right: NDArray[np.bool_]
    nats: NDArray[np.float64]


@torch.no_grad()
def scored(model: Decoder, questions: Questions) -> Scores:
    """Questions put to a model in the form of its objective."""
    prompt = objective_of(model.spec).prompt(questions.prompts)
    with one_thread():
        logits = torch.cat(
            [
                model(rows, context=prompt.context, position_ids=prompt.position_ids)[:, -1]
                for rows in torch.split(prompt.input_ids, BATCH)
            ]
        )  # [documents, V]
        nats = cross_entropy(logits.double(), torch.from_numpy(questions.answers), reduction="none").numpy()
    choices = slice(questions.choices.start, questions.choices.stop)
    found = logits[:, choices].argmax(-1).numpy() + questions.choices.start
    return Scores(np.asarray(found == questions.answers), nats)


def answered(model: Decoder, questions: Questions) -> NDArray[np.bool_]:
    """Whether each question is answered rightly, [documents]."""
    return scored(model, questions).right


@torch.no_grad()
def held_out_loss(model: Decoder, data: Callable[[int], Batch], batches: int, loss: Loss = batch_loss) -> float:
    """Mean loss over the first batches of a stream that the model was not trained on."""
    with one_thread():
        return fmean(loss(model, data(step)).item() for step in range(batches))
