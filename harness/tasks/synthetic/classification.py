"""Few-shot classification: which label goes with which group of items is drawn afresh for every sequence.

Sixteen items belong to four groups, always the same, which nothing tells but the labels that they share. A sequence
gives each group one of eight labels, no two the same. A model that has learnt the groups needs one demonstration of
a group to label all its items. After Chan et al. 2022, https://arxiv.org/abs/2205.05055.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import comb

import numpy as np

from harness.tasks.synthetic import Questions, Tokens, ask, interleave
from harness.tasks.synthetic.vocabulary import ITEMS, LABELS

GROUPS = 4
PER_GROUP = len(ITEMS) // GROUPS


def training(rng: np.random.Generator, batch: int, pairs: int) -> Tokens:
    """Sequences of item and label, [batch, 2 pairs]; each uses 1 to 4 of the groups."""
    active = rng.integers(1, GROUPS + 1, size=(batch, 1))
    return interleave(*_pairs(rng, active, pairs))


def questions(rng: np.random.Generator, documents: int, shots: int, most: int) -> Questions:
    """Documents of `shots` demonstrations and a query, all four groups in use.

    With the same generator state, fewer shots are the first of the same demonstrations, before the same query.

    Args:
        rng: source of randomness.
        documents: how many.
        shots: demonstrations of each.
        most: the most shots that are asked of the same documents.
    """
    items, labels = _pairs(rng, np.full((documents, 1), GROUPS), most + 1)
    kept = [*range(shots), most]
    return ask(items[:, kept], labels[:, kept], LABELS)


def _pairs(rng: np.random.Generator, active: Tokens, pairs: int) -> tuple[Tokens, Tokens]:
    """Items and their labels, [B, pairs] each; of the groups only as many as are active, [B, 1]."""
    batch = len(active)
    binding = _bindings(rng, batch)
    in_use = rng.permuted(np.tile(np.arange(GROUPS), (batch, 1)), axis=1)
    group = np.take_along_axis(in_use, rng.integers(0, active, size=(batch, pairs)), axis=1)
    member = rng.integers(0, PER_GROUP, size=(batch, pairs))
    items = ITEMS.start + group * PER_GROUP + member
    return items, LABELS.start + np.take_along_axis(binding, group, axis=1)


def _bindings(rng: np.random.Generator, batch: int) -> Tokens:
    """The label of each group, [B, groups], counted from 0; no two the same."""
    labels: Tokens = rng.permuted(np.tile(np.arange(len(LABELS)), (batch, 1)), axis=1)[:, :GROUPS]
    return labels


@dataclass(frozen=True)
class Task:
    """One binding of labels to groups, with examples.

    Attributes:
        items: of the examples, [shots].
        labels: of the examples, [shots].
        answers: the label of every item there is, in the order of `ITEMS`.
    """

    items: Tokens
    labels: Tokens
    answers: Tokens


def tasks(rng: np.random.Generator, count: int, shots: int) -> list[Task]:
    """Tasks with `shots` examples each, all four groups in use."""
    group = np.tile(np.arange(len(ITEMS)) // PER_GROUP, (count, 1))
    answers = LABELS.start + np.take_along_axis(_bindings(rng, count), group, axis=1)
    chosen = rng.integers(0, len(ITEMS), size=(count, shots))
    labels = np.take_along_axis(answers, chosen, axis=1)
    return [Task(*each) for each in zip(ITEMS.start + chosen, labels, answers, strict=True)]


def bayes_accuracy(shots: int) -> float:
    """The best accuracy that there can be after `shots` demonstrations.

    With the query's group among the demonstrations the answer is known. Otherwise, with d groups shown, it is one of
    the 8 - d labels left. Each demonstration is of one of the four groups, alike and independent, so the number of
    groups shown follows from counting the maps of `shots` demonstrations onto d groups.
    """
    unseen = GROUPS - 1
    guessed = sum(
        comb(unseen, shown) * _onto(shots, shown) / GROUPS**shots / (len(LABELS) - shown) for shown in range(GROUPS)
    )
    return float(1 - (unseen / GROUPS) ** shots + guessed)


def _onto(shots: int, groups: int) -> int:
    """Ways to show exactly these `groups` in `shots` demonstrations, by inclusion and exclusion."""
    return sum((-1) ** left * comb(groups, left) * (groups - left) ** shots for left in range(groups + 1))
