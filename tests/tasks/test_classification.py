"""Few-shot classification: sequences are well made, and the ceiling is that of a perfect observer."""

from __future__ import annotations

from itertools import product

import numpy as np
import pytest

from harness.tasks.synthetic import classification
from harness.tasks.synthetic.classification import GROUPS, PER_GROUP, bayes_accuracy
from harness.tasks.synthetic.vocabulary import ITEMS, LABELS

MOST = 16


def rng(seed: int = 0) -> np.random.Generator:
    return np.random.default_rng(seed)


def group(item: int) -> int:
    return (item - ITEMS.start) // PER_GROUP


def test_a_sequence_gives_each_group_one_label_and_no_two_the_same() -> None:
    for row in classification.training(rng(), 200, 17):
        pairs = {(group(item), label) for item, label in row.reshape(-1, 2).tolist()}
        groups, labels = zip(*pairs, strict=True)
        assert set(labels) <= set(LABELS)
        assert len(set(groups)) == len(pairs) == len(set(labels)) <= GROUPS


def test_items_and_labels_are_balanced() -> None:
    """Within five standard errors of even shares, for 4096 sequences that are independent of each other."""
    asked = classification.questions(rng(), 4096, 0, MOST)
    for drawn, words in ((asked.prompts[:, 0], ITEMS), (asked.answers, LABELS)):
        share = 1 / len(words)
        counts = np.array([(drawn == word).mean() for word in words])
        assert np.abs(counts - share).max() < 5 * (share / 4096) ** 0.5


def test_fewer_shots_are_the_first_demonstrations_before_the_same_query() -> None:
    most = classification.questions(rng(), 50, MOST, MOST)
    for shots in (0, 1, 4):
        fewer = classification.questions(rng(), 50, shots, MOST)
        assert (fewer.prompts[:, :-1] == most.prompts[:, : 2 * shots]).all()
        assert (fewer.prompts[:, -1] == most.prompts[:, -1]).all()
        assert (fewer.answers == most.answers).all()


def test_every_sequence_is_drawn_afresh() -> None:
    assert len(np.unique(classification.training(rng(), 500, 17), axis=0)) == 500


@pytest.mark.parametrize("shots", [0, 1, 2, 4])
def test_ceiling_is_the_mean_over_all_demonstrations(shots: int) -> None:
    """Every way to draw groups is alike; with d of them shown, but not that of the query, 8 - d labels are left."""
    expected = 0.0
    for *shown, query in product(range(GROUPS), repeat=shots + 1):
        expected += 1 if query in shown else 1 / (len(LABELS) - len(set(shown)))
    assert bayes_accuracy(shots) == pytest.approx(expected / GROUPS ** (shots + 1), rel=1e-12)


@pytest.mark.parametrize(
    ("shots", "sampled"), [(0, 0.125), (1, 0.356), (2, 0.525), (4, 0.745), (8, 0.918), (16, 0.992)]
)
def test_ceiling_agrees_with_sampled_figures(shots: int, sampled: float) -> None:
    """Figures of an earlier program, from some 10000 samples: a standard error of up to 0.005."""
    assert bayes_accuracy(shots) == pytest.approx(sampled, abs=0.005)


@pytest.mark.parametrize("shots", [1, 4, 16])
def test_an_observer_who_knows_the_groups_reaches_the_ceiling_and_no_more(shots: int) -> None:
    documents = 4000
    asked = classification.questions(rng(1), documents, shots, MOST)
    draw, right = rng(2), 0
    for prompt, answer in zip(asked.prompts.tolist(), asked.answers.tolist(), strict=True):
        known = {group(item): label for item, label in zip(prompt[:-1:2], prompt[1::2], strict=True)}
        left = [label for label in LABELS if label not in known.values()]
        right += known.get(group(prompt[-1]), draw.choice(left)) == answer
    ceiling = bayes_accuracy(shots)
    assert right / documents == pytest.approx(ceiling, abs=4 * (ceiling * (1 - ceiling) / documents) ** 0.5)
