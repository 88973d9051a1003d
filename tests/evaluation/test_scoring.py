"""What requests share is computed once, and no number changes by it."""

from __future__ import annotations

from random import Random

import pytest
import torch

from harness.errors import HarnessError
from harness.evaluation.scoring import Scorer, Tokens
from harness.modules.decoder import Decoder
from tests.evaluation.examples import WORDS, directly, model_of

NAMES = ["llama-7b", "gpt1", "gpt3-small", "gpt3-small-fixed", "gpt3-small-strided", "baichuan-13b", "chatglm-6b"]
READ_BOTH_WAYS = NAMES[-1]
CLOSE = 1e-10
"""Different shapes round differently: some 1e-13 in float64."""


def drawn(random: Random, length: int) -> Tokens:
    return tuple(random.choices(range(5, len(WORDS.words)), k=length))


def requests() -> list[tuple[Tokens, Tokens]]:
    """Two groups with demonstrations in common, one to four continuations a question, of one to five tokens."""
    random = Random(1)
    pairs = []
    for shared in (11, 20, 0):
        demonstrations = drawn(random, shared)
        for count in (1, 4, 2, 3, 1, 2):
            context = demonstrations + drawn(random, random.randint(1, 6))
            pairs += [(context, drawn(random, random.randint(1, 5))) for _ in range(count)]
    random.shuffle(pairs)
    return pairs


def scores(model: Decoder, pairs: list[tuple[Tokens, Tokens]], **options: int) -> list[tuple[float, bool]]:
    found = dict(Scorer(model, **{"batch_size": 8, **options}).scores(pairs))
    return [(found[place].loglikelihood, found[place].greedy) for place in range(len(pairs))]


@pytest.mark.parametrize("batch_size", [1, 3, 64])
@pytest.mark.parametrize("name", NAMES)
def test_scores_are_those_of_each_request_alone(name: str, batch_size: int) -> None:
    model, pairs = model_of(name), requests()
    expected = [directly(model, list(context), list(rest), len(context)) for context, rest in pairs]
    found = scores(model, pairs, batch_size=batch_size)
    assert [greedy for _, greedy in found] == [greedy for _, greedy in expected]
    assert [each for each, _ in found] == pytest.approx([each for each, _ in expected], rel=0, abs=CLOSE)


def test_a_likeliest_continuation_is_greedy() -> None:
    model = model_of("llama-7b")
    context = drawn(Random(2), 9)
    continued = model.generate(torch.tensor([context]), 4)[0, 9:].tolist()
    other = [*continued[:3], (continued[3] + 1) % len(WORDS.words)]
    pairs = [(context, tuple(continued)), (context, tuple(continued[:2])), (context, tuple(other))]
    assert [greedy for _, greedy in scores(model, pairs)] == [True, True, False]


def test_every_shared_token_is_computed_once() -> None:
    """3 questions of 2 tokens behind 10 demonstrations' tokens, two continuations each, of 1 and 3 tokens."""
    random = Random(3)
    demonstrations = drawn(random, 10)
    contexts = [(*demonstrations, first, 7) for first in (10, 20, 30)]
    pairs = [(context, drawn(random, length)) for context in contexts for length in (1, 3)]
    scorer = Scorer(model_of("llama-7b"), 8)
    list(scorer.scores(pairs))
    assert scorer.count.requested == 3 * (12 + 14)
    assert scorer.count.computed == 10 + 3 * 2 + 3 * 2
    alone = Scorer(model_of("llama-7b"), 8, reuse=False)
    list(alone.scores(pairs))
    assert (alone.count.requested, alone.count.computed, alone.count.padding) == (78, 78, 0)


def test_a_context_that_is_read_both_ways_is_computed_whole() -> None:
    """Demonstrations look ahead at the question then, so each question has its own."""
    random = Random(4)
    demonstrations = drawn(random, 10)
    pairs = [((*demonstrations, first, 7), drawn(random, 3)) for first in (10, 20, 30) for _ in range(2)]
    scorer = Scorer(model_of(READ_BOTH_WAYS), 8)
    list(scorer.scores(pairs))
    assert scorer.count.computed == 3 * 12 + 6 * 2


def test_both_ways_differ_from_one() -> None:
    """So the tests above would find a context that is read in one direction."""
    model, (context, rest) = model_of(READ_BOTH_WAYS), max(requests(), key=lambda pair: len(pair[0]))
    both = directly(model, list(context), list(rest), len(context))[0]
    assert abs(both - directly(model, list(context), list(rest), 0)[0]) > 1e-3


def test_a_blank_stands_between_context_and_span() -> None:
    """The mask is read with the context, and the start of the span is not."""
    model, pairs = model_of(READ_BOTH_WAYS), requests()
    mask, start = WORDS.encode("[MASK] [S]")
    found = scores(model, pairs, blank=(mask, start))
    expected = [directly(model, [*context, mask, start], list(rest), len(context) + 1)[0] for context, rest in pairs]
    assert [each for each, _ in found] == pytest.approx(expected, rel=0, abs=CLOSE)


def test_a_context_that_is_too_long_loses_its_beginning() -> None:
    model, random = model_of("gpt1"), Random(5)
    context, rest = drawn(random, 70), drawn(random, 3)
    expected = directly(model, list(context[-62:]), list(rest), 0)
    assert scores(model, [(context, rest)]) == [(pytest.approx(expected[0], abs=CLOSE), expected[1])]
    with pytest.raises(HarnessError, match=r"^a continuation of 65 tokens; the model has room for 64$"):
        scores(model, [(context, drawn(random, 65))])


def test_a_blank_stays_behind_a_context_that_is_too_long() -> None:
    model, random = model_of(READ_BOTH_WAYS), Random(6)
    context, rest = drawn(random, 70), drawn(random, 3)
    mask, start = WORDS.encode("[MASK] [S]")
    expected = directly(model, [*context[-60:], mask, start], list(rest), 61)[0]
    assert scores(model, [(context, rest)], blank=(mask, start))[0][0] == pytest.approx(expected, abs=CLOSE)
