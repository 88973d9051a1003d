"""What objectives make of a text, against examples written by hand."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest
import torch

from harness.choices.objectives.blank_infilling import BlankInfilling
from harness.choices.objectives.causal_lm import CausalLM
from harness.choices.positions import Position
from harness.choices.positions.rope import Rope
from harness.choices.positions.rope_2d import Rope2D
from harness.factory import build
from harness.modules.objectives import IGNORED, Specials
from harness.modules.objectives.blank_infilling import MEAN_LENGTH, FillBlanks, cut
from harness.modules.objectives.causal_lm import NextToken
from harness.spec import load_spec

M, S, E, _ = 90, 91, 92, IGNORED
SPECIALS = Specials(mask=M, start=S, stop=E)
TEXT = np.array([[1, 2, 3, 4, 5, 6]])
ALL = np.ones(6, dtype=bool)
ROTARY = Rope2D(theta=10000.0)


def infilling(shuffle: bool = True, position: Position = ROTARY) -> FillBlanks:
    return FillBlanks(BlankInfilling(shuffle_spans=shuffle), position, SPECIALS)


def test_a_causal_model_predicts_each_next_token_that_can_be_told() -> None:
    objective = NextToken(CausalLM(), Rope(theta=10000.0), SPECIALS)
    batch = objective.examples(TEXT, np.array([True, True, False, True, True, False]), np.random.default_rng(0))
    assert batch.input_ids.tolist() == [[1, 2, 3, 4, 5]]
    assert batch.targets is not None
    assert batch.targets.tolist() == [[2, _, 4, 5, _]]
    assert (batch.context, batch.position_ids) == (0, None)
    assert objective.prompt(TEXT).input_ids.tolist() == TEXT.tolist()


def test_the_example_of_the_paper() -> None:
    """Du et al. 2022, figure 2: x3 and x5 x6 are cut out of x1 ... x6, and the second span comes first."""
    example = infilling().example(TEXT[0], ALL, [(2, 3), (4, 6)], [1, 0])
    assert example.inputs == [1, 2, M, 4, M, S, 5, 6, S, 3]
    assert example.targets == [_, _, _, _, _, 5, 6, E, 3, E]
    assert example.in_context == [0, 1, 2, 3, 4, 4, 4, 4, 2, 2]
    assert example.in_span == [0, 0, 0, 0, 0, 1, 2, 3, 1, 2]
    assert example.context == 5


def test_spans_in_order_and_tokens_that_nothing_tells() -> None:
    answers = np.array([True, True, True, True, False, True])
    example = infilling().example(TEXT[0], answers, [(2, 3), (4, 6)], [0, 1])
    assert example.inputs == [1, 2, M, 4, M, S, 3, S, 5, 6]
    assert example.targets == [_, _, _, _, _, 3, E, _, 6, E]
    assert example.in_context[5:] == [2, 2, 4, 4, 4]


def test_a_batch_holds_every_token_once_and_is_filled_up_behind() -> None:
    texts = np.arange(20 * 34).reshape(20, 34) + 100
    batch = infilling().examples(texts, np.ones(34, dtype=bool), np.random.default_rng(0))
    assert batch.targets is not None
    assert isinstance(batch.context, torch.Tensor)
    assert batch.position_ids is not None
    assert batch.position_ids.shape == (20, 2, batch.input_ids.shape[1])
    for row, (inputs, targets, context) in enumerate(zip(batch.input_ids, batch.targets, batch.context, strict=True)):
        assert sorted(token for token in inputs.tolist() if token >= 100) == texts[row].tolist()
        assert (targets[:context] == IGNORED).all()
        spans = int((inputs[:context] == M).sum())
        assert spans == int((inputs == S).sum()) == int((targets == E).sum()) > 0
        end = 34 + 2 * spans
        assert (inputs[end:] == E).all()
        assert (targets[end:] == IGNORED).all()
        assert (targets[context:end] != IGNORED).all()


def orders(shuffle: bool) -> set[bool]:
    """Whether the spans of a text come in the order of their masks, over many texts of several spans."""
    texts = np.arange(34)[None] + np.zeros((200, 1), dtype=np.int64)
    batch = infilling(shuffle).examples(texts, np.ones(34, dtype=bool), np.random.default_rng(0))
    assert batch.position_ids is not None
    found = set()
    for inputs, ids in zip(batch.input_ids, batch.position_ids, strict=True):
        masks = ids[0][inputs == S]
        if len(masks) > 1:
            found.add(bool((masks.diff() > 0).all()))
    return found


def test_spans_are_shuffled_if_the_objective_says_so() -> None:
    assert orders(shuffle=True) == {True, False}
    assert orders(shuffle=False) == {True}


def test_spans_do_not_touch_and_are_as_long_as_in_the_papers() -> None:
    """Short ones add up to 15 of 100 tokens; a long one is as likely to be of any length."""
    rng, length, texts = np.random.default_rng(0), 100, 4000
    short, long = [], []
    for spans in (cut(rng, length) for _ in range(texts)):
        assert all(0 <= start < stop <= length for start, stop in spans)
        assert all(stop < start for (_, stop), (start, _) in pairwise(spans))
        lengths = [stop - start for start, stop in spans]
        if sum(lengths) == 15:
            short += lengths[:1]
        else:
            assert [stop for _, stop in spans] == [length]
            long += lengths
    assert len(long) / texts == pytest.approx(0.7 * 99 / 100, abs=0.03)
    assert np.mean(short) == pytest.approx(MEAN_LENGTH, abs=0.4)
    assert (min(long), max(long)) == (1, length)
    assert np.histogram(long, bins=4, range=(0.5, 100.5))[0] / len(long) == pytest.approx([0.25] * 4, abs=0.03)


def test_a_one_dimensional_scheme_is_told_the_places() -> None:
    objective = infilling(position=Rope(theta=10000.0))
    assert objective.examples(TEXT, ALL, np.random.default_rng(0)).position_ids is None


def test_a_prompt_is_an_example_whose_last_span_is_to_be_filled() -> None:
    """The model's own positions of a prompt are those that it was trained with."""
    objective = infilling()
    prompt = objective.prompt(TEXT)
    assert prompt.input_ids.tolist() == [[1, 2, 3, 4, 5, 6, M, S]]
    text = np.append(TEXT[0], 7)
    example = objective.example(text, np.ones(7, dtype=bool), [(6, 7)], [0])
    assert example.inputs[:-1] == prompt.input_ids[0].tolist()
    assert example.context == prompt.context
    model = build(load_spec("chatglm-6b").scaled(vocab_size=100))
    told = torch.tensor([[example.in_context[:-1], example.in_span[:-1]]])
    with torch.no_grad():
        assert torch.equal(
            model(prompt.input_ids, context=prompt.context),
            model(prompt.input_ids, context=prompt.context, position_ids=told),
        )
