"""Which demonstrations there are, and in which order."""

from __future__ import annotations

from collections import Counter
from typing import Any

import pytest

from harness.errors import HarnessError
from harness.evaluation.samplers import Nested, OfDocument

LABELLED = [{"input": str(index), "label": "abc"[index % 3]} for index in range(30)]
PLAIN = [{"input": str(index)} for index in range(30)]


def nested(documents: list[dict[str, Any]], seed: int) -> Nested:
    return Nested(documents, rnd=None).set_rnd(seed)


@pytest.mark.parametrize("documents", [LABELLED, PLAIN], ids=["labelled", "plain"])
def test_fewer_are_the_first_of_more_whatever_the_question(documents: list[dict[str, Any]]) -> None:
    sampler = nested(documents, 3)
    longest = list(sampler.sample(16))
    assert [list(sampler.sample(n, eval_doc={"input": "another"})) for n in range(17)] == [
        longest[:n] for n in range(17)
    ]


def test_labels_are_balanced_in_every_round() -> None:
    labels = [document["label"] for document in nested(LABELLED, 0).sample(30)]
    assert all(Counter(labels[start : start + 3]) == Counter("abc") for start in range(0, 30, 3))
    assert len({"".join(labels[start : start + 3]) for start in range(0, 30, 3)}) > 1


def test_a_rare_label_ends_and_the_others_go_on() -> None:
    documents = [*LABELLED[:3], *(document for document in LABELLED[3:] if document["label"] == "a")]
    labels = [document["label"] for document in nested(documents, 0).sample(len(documents))]
    assert Counter(labels[:3]) == Counter("abc")
    assert set(labels[3:]) == {"a"}


def test_a_seed_decides_the_list() -> None:
    lists = [tuple(document["input"] for document in nested(PLAIN, seed).sample(30)) for seed in (0, 0, 1)]
    assert lists[0] == lists[1] != lists[2]
    assert sorted(lists[0]) == sorted(document["input"] for document in PLAIN)


def test_the_question_is_none_of_its_demonstrations() -> None:
    sampler = nested(PLAIN, 0)
    first = sampler.sample(5)
    assert list(sampler.sample(4, eval_doc=first[1])) == [first[0], *first[2:5]]


def test_a_question_brings_its_own_demonstrations() -> None:
    question = {"input": "x", "demonstrations": PLAIN[4:9]}
    assert list(OfDocument([question]).sample(3, eval_doc=question)) == PLAIN[4:7]


def test_too_many_are_refused() -> None:
    with pytest.raises(HarnessError, match=r"^31 demonstrations are asked for, and there are 30$"):
        nested(PLAIN, 0).sample(31)
    with pytest.raises(HarnessError, match=r"^2 demonstrations are asked for, and the question has 1$"):
        OfDocument([]).sample(2, eval_doc={"demonstrations": PLAIN[:1]})
    with pytest.raises(HarnessError, match=r"need fewshot_split to be test_split$"):
        OfDocument([]).sample(2)
