"""Markov chains: sequences follow their seed, and the closed form is what the chains' prior and the words imply."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest

from harness.tasks.synthetic import Questions
from harness.tasks.synthetic.markov import Chains
from harness.tasks.synthetic.vocabulary import ITEMS


def rng(seed: int = 0) -> np.random.Generator:
    return np.random.default_rng(seed)


def asked(task: Chains, words: list[int]) -> Questions:
    """What comes after these words, counted from 0."""
    return Questions(task.words.start + np.array([words]), np.array([task.words.start]), task.words)


def test_words_are_the_first_items_and_a_function_of_the_seed() -> None:
    task = Chains(states=4, length=34)
    words = task.sequences(rng(), 200)
    assert words.shape == (200, 34)
    assert set(np.unique(words)) == set(ITEMS[:4])
    assert (words == task.sequences(rng(), 200)).all()
    assert (words != task.sequences(rng(1), 200)).any()


def test_fewer_known_words_are_the_first_of_the_same_sequences() -> None:
    task = Chains(states=3, length=20)
    words = task.sequences(rng(), 50)
    for known in (1, 7, 19):
        questions = task.questions(rng(), 50, known)
        assert (questions.prompts == words[:, :known]).all()
        assert (questions.answers == words[:, known]).all()
        assert questions.choices == ITEMS[:3]


def test_the_best_prediction_is_the_mean_over_all_chains_of_two_words() -> None:
    """Rows of Dirichlet(1) of two words are even over [0, 1], so a fine grid holds all chains alike."""
    task = Chains(states=2, length=8)
    grid = (np.arange(400) + 0.5) / 400
    first, second = np.meshgrid(grid, grid)  # chance of word 1 after word 0, and after word 1
    after = {0: first, 1: second}
    for words in ([0], [1, 1], [0, 1, 0, 0], [1, 0, 1, 1, 0, 1], [0, 0, 0, 0, 0]):
        likelihood = np.ones_like(first)
        for word, following in pairwise(words):
            likelihood *= after[word] if following else 1 - after[word]
        expected = (likelihood * after[words[-1]]).sum() / likelihood.sum()
        assert task.bayes(asked(task, words))[0, 1] == pytest.approx(expected, rel=1e-4)  # the grid is that fine


def test_counts_have_one_added() -> None:
    task = Chains(states=3, length=9)
    words = asked(task, [0, 1, 0, 1, 0, 2, 0])
    assert task.bayes(words)[0] == pytest.approx([1 / 6, 3 / 6, 2 / 6])
    assert task.unigram(words)[0] == pytest.approx([5 / 10, 3 / 10, 2 / 10])


def test_the_best_prediction_is_better_than_the_unigrams_on_average() -> None:
    """It knows their order. Both are probabilities."""
    task = Chains(states=4, length=34)
    questions = task.questions(rng(), 4000, 32)
    nats = []
    for probabilities in (task.bayes(questions), task.unigram(questions)):
        assert probabilities.sum(-1) == pytest.approx(np.ones(4000))
        nats.append(-np.log(np.take_along_axis(probabilities, questions.answers[:, None] - ITEMS.start, axis=1)))
    difference = (nats[1] - nats[0])[:, 0]
    assert difference.mean() > 5 * difference.std() / 4000**0.5


def test_transitions_have_the_entropy_of_the_prior() -> None:
    """A row of Dirichlet(1) of S words has 1/2 + ... + 1/S nats on average; long chains show theirs."""
    task = Chains(states=3, length=3000)
    words = task.sequences(rng(), 400) - ITEMS.start
    entropies = []
    for state in range(3):
        after = np.stack([(words[:, 1:] == word) & (words[:, :-1] == state) for word in range(3)]).sum(-1)  # [S, B]
        seen = after[:, after.sum(0) > 300] / after.sum(0)[after.sum(0) > 300]
        entropies.append(-(seen * np.log(np.maximum(seen, 1e-12))).sum(0))
    found = np.concatenate(entropies)
    assert found.mean() == pytest.approx(1 / 2 + 1 / 3, abs=4 * found.std() / len(found) ** 0.5 + 1 / 300)
