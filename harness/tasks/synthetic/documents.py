"""Questions as lm-eval's documents, each with its own demonstrations, or the words of its own chain."""

from __future__ import annotations

from typing import Any

import numpy as np
from datasets import Dataset

from harness.tasks.synthetic import Questions, classification, recall
from harness.tasks.synthetic.markov import Chains
from harness.tasks.synthetic.vocabulary import LABELS, VALUES, WORDS, Words, text

SEED = 1
"""Of the questions; the same as in the metrics `icl` and `icl_wide`."""
MOST_SHOTS = 16


def labels(documents: int, **settings: Any) -> dict[str, Dataset]:
    """Classification with sixteen demonstrations a document, of which lm-eval shows the first `num_fewshot`."""
    rng = np.random.default_rng(SEED)
    return _split(classification.questions(rng, documents, MOST_SHOTS, MOST_SHOTS))


def values(documents: int, keys: int, **settings: Any) -> dict[str, Dataset]:
    """Recall from `keys` pairs a document: as many demonstrations, all of which must be shown."""
    return _split(recall.questions(np.random.default_rng(SEED), documents, keys))


def chains(documents: int, states: int, length: int, known: int, **settings: Any) -> dict[str, Dataset]:
    """The word after the first `known` of a Markov chain."""
    questions = Chains(states, length).questions(np.random.default_rng(SEED), documents, known)
    choices, first = _written(questions.choices), questions.choices.start
    return {
        "test": Dataset.from_list(
            [
                {"asked": text(prompt), "answer": answer - first, "choices": choices}
                for prompt, answer in zip(questions.prompts.tolist(), questions.answers.tolist(), strict=True)
            ]
        )
    }


def label_words(document: dict[str, Any]) -> list[str]:
    """What a classification is answered with."""
    return _written(LABELS)


def value_words(document: dict[str, Any]) -> list[str]:
    """What a recall is answered with."""
    return _written(VALUES)


def _split(questions: Questions) -> dict[str, Dataset]:
    first = questions.choices.start
    pairs = np.column_stack((questions.prompts, questions.answers)).reshape(len(questions.answers), -1, 2)
    rows = [[{"asked": WORDS[asked], "answer": answer - first} for asked, answer in row] for row in pairs.tolist()]
    return {"test": Dataset.from_list([{**row[-1], "demonstrations": row[:-1]} for row in rows])}


def _written(words: Words) -> list[str]:
    return [WORDS[word] for word in words]
