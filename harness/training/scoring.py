"""Which questions a model answers: the likeliest of the words that may be the answer."""

from __future__ import annotations

import numpy as np
import torch
from numpy.typing import NDArray

from harness.modules.decoder import Decoder
from harness.tasks.synthetic import Questions
from harness.training.loop import one_thread
from harness.training.mixture import objective_of

BATCH = 250


@torch.no_grad()
def answered(model: Decoder, questions: Questions) -> NDArray[np.bool_]:
    """Whether each question is answered rightly, [documents]; asked in the form of the model's objective."""
    prompt = objective_of(model.spec).prompt(questions.prompts)
    choices = slice(questions.choices.start, questions.choices.stop)
    with one_thread():
        scores = [
            model(rows, context=prompt.context, position_ids=prompt.position_ids)[:, -1, choices]
            for rows in torch.split(prompt.input_ids, BATCH)
        ]
    found = torch.cat(scores).argmax(-1).numpy() + questions.choices.start
    return np.asarray(found == questions.answers)
