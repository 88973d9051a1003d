"""Associative recall: the answer is determined by the pairs, and by nothing else."""

from __future__ import annotations

import numpy as np
import pytest

from harness.tasks.synthetic import recall
from harness.tasks.synthetic.vocabulary import KEYS, VALUES


def test_a_key_keeps_its_value_through_a_sequence() -> None:
    numbers = set()
    for row in recall.training(np.random.default_rng(0), 300, 17):
        pairs = {(key, value) for key, value in row.reshape(-1, 2).tolist()}
        keys = {key for key, _ in pairs}
        assert len(keys) == len(pairs)
        assert keys <= set(KEYS)
        assert {value for _, value in pairs} <= set(VALUES)
        numbers.add(len(keys))
    assert min(numbers) == 1
    assert 10 < max(numbers) <= 16


def test_more_keys_can_be_used() -> None:
    used = [len(set(row[::2])) for row in recall.training(np.random.default_rng(0), 300, 64, most_keys=32)]
    assert 20 < max(used) <= 32


@pytest.mark.parametrize("keys", [1, 5, 24])
def test_each_key_is_shown_once_and_one_is_asked_for(keys: int) -> None:
    asked = recall.questions(np.random.default_rng(0), 300, keys)
    assert asked.prompts.shape == (300, 2 * keys + 1)
    assert asked.chance == 1 / 64
    places = set()
    for prompt, answer in zip(asked.prompts.tolist(), asked.answers.tolist(), strict=True):
        shown = dict(zip(prompt[:-1:2], prompt[1::2], strict=True))
        assert len(shown) == keys
        assert shown[prompt[-1]] == answer
        places.add(prompt.index(prompt[-1]) // 2)
    assert places == set(range(keys))
