"""Continuing texts: the cache, padding and the draws."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import Tensor

from harness.errors import HarnessError
from harness.metrics.kv_cache import kv_cache_bytes
from harness.modules.decoder import Decoder
from harness.spec import load_spec
from tests.contract.examples import lively, tokens_for

NAMES = [
    "llama-7b",
    "gpt1",
    "rwkv-4-169m",
    "gpt3-small",
    "gpt3-small-fixed",
    "gpt3-small-strided",
    "baichuan-13b",
    "chatglm3-6b",
    "llama-7b-lightning",
]


def model_of(name: str) -> Decoder:
    return lively(load_spec(name).scaled(max_seq_len=40))


def greedily(model: Decoder, tokens: Tensor, count: int, context: int = 0) -> Tensor:
    """Without a cache: the whole text again for every token."""
    for _ in range(count):
        with torch.no_grad():
            tokens = torch.cat((tokens, model(tokens, context=context)[:, -1:].argmax(-1)), dim=1)
    return tokens


@pytest.mark.parametrize("name", [*NAMES, "chatglm-6b"])
def test_greedy_continuations_are_those_of_the_whole_text(name: str) -> None:
    model = model_of(name)
    tokens = tokens_for(model.spec, 2, 9)
    context = 9 if name == "chatglm-6b" else 0
    assert torch.equal(model.generate(tokens, 12, context=context), greedily(model, tokens, 12, context))


@pytest.mark.parametrize("name", [*NAMES, "chatglm-6b"])
def test_padding_on_the_left_changes_nothing(name: str) -> None:
    model = model_of(name)
    short, long = tokens_for(model.spec, 1, 9), tokens_for(model.spec, 1, 14)
    batch = torch.cat((torch.cat((torch.zeros(1, 5, dtype=torch.long), short), dim=1), long))
    contexts = (9, 14) if name == "chatglm-6b" else (0, 0)
    together = model.generate(batch, 12, padding=torch.tensor([5, 0]), context=torch.tensor(contexts))
    assert torch.equal(together[:1, 5:], model.generate(short, 12, context=contexts[0]))
    assert torch.equal(together[1:], model.generate(long, 12, context=contexts[1]))


def test_a_sequence_ends_at_the_stop_token() -> None:
    model = model_of("llama-7b")
    tokens = tokens_for(model.spec, 2, 9)
    free = model.generate(tokens, 12)
    stop = int(free[0, 11])
    stopped = model.generate(tokens, 12, stop=stop)
    first = int((free[0, 9:] == stop).nonzero()[0])
    assert torch.equal(stopped[0, : 9 + first + 1], free[0, : 9 + first + 1])
    assert (stopped[0, 9 + first :] == stop).all()


def test_a_sequence_ends_at_any_of_several_stop_tokens() -> None:
    model = model_of("llama-7b")
    tokens = tokens_for(model.spec, 1, 9)
    free = model.generate(tokens, 12)
    first, second = int(free[0, 11]), int(free[0, 10])
    stopped = model.generate(tokens, 12, stop=[first, second])
    place = next(place for place, token in enumerate(free[0, 9:].tolist()) if token in (first, second))
    assert torch.equal(stopped, free[:, : 9 + place + 1])


def test_sequences_end_where_they_are_said_to() -> None:
    """And nothing else changes: what is appended behind the end is the stop token, or what would have come."""
    model = model_of("llama-7b")
    tokens = tokens_for(model.spec, 2, 9)
    whole = model.generate(tokens, 12)
    said = torch.tensor([3, 5])
    told: list[list[list[int]]] = []

    def until(appended: Tensor) -> Tensor:
        told.append(appended.tolist())
        return said == appended.shape[1]

    assert torch.equal(model.generate(tokens, 12, until=until), whole[:, : 9 + 5])
    assert told == [whole[:, 9 : 9 + count].tolist() for count in range(1, 6)]
    unused = next(token for token in range(256) if token not in whole[:, 9:])
    stopped = model.generate(tokens, 12, until=until, stop=unused)
    assert stopped[0, 12:].tolist() == [unused, unused]
    assert torch.equal(stopped[1], whole[1, :14])


def test_a_seed_decides_the_draws() -> None:
    model = model_of("llama-7b")
    tokens = tokens_for(model.spec, 2, 9)
    drawn = model.generate(tokens, 12, temperature=1.0, seed=1)
    assert torch.equal(drawn, model.generate(tokens, 12, temperature=1.0, seed=1))
    assert not torch.equal(drawn, model.generate(tokens, 12, temperature=1.0, seed=2))


@pytest.mark.parametrize(
    "options", [{"top_k": 1}, {"top_p": 1e-9}, {"min_p": 1.0}, {"temperature": 1e-6}, {"temperature": 1e-300}]
)
def test_draws_from_one_token_are_greedy(options: dict[str, float]) -> None:
    model = model_of("llama-7b")
    tokens = tokens_for(model.spec, 2, 9)
    assert torch.equal(model.generate(tokens, 12, **{"temperature": 1.0, **options}), model.generate(tokens, 12))


@pytest.mark.parametrize("options", [{"top_k": 3}, {"top_p": 0.5}])
def test_draws_stay_among_the_likeliest(options: dict[str, float]) -> None:
    model = model_of("llama-7b")
    tokens = tokens_for(model.spec, 1, 9)
    with torch.no_grad():
        probabilities, order = model(tokens)[0, -1].softmax(-1).sort(descending=True)
    mass = probabilities.cumsum(-1)
    count = 3 if "top_k" in options else int((mass < 0.5).sum()) + 1
    allowed = set(order[:count].tolist())
    drawn = {int(model.generate(tokens, 1, temperature=1.0, seed=seed, **options)[0, -1]) for seed in range(60)}
    assert drawn <= allowed
    assert len(drawn) > 1


@pytest.mark.parametrize("options", [{"top_k": 0}, {"top_k": -1}, {"top_p": 1}, {"min_p": 0}, {"top_k": 10**6}])
def test_what_is_no_limit_changes_no_draw(options: dict[str, float]) -> None:
    model = model_of("llama-7b")
    tokens = tokens_for(model.spec, 2, 9)
    free = model.generate(tokens, 12, temperature=1.0, seed=3)
    assert torch.equal(model.generate(tokens, 12, temperature=1.0, seed=3, **options), free)


def transformers_processor(options: dict[str, float]) -> Any:
    from transformers import NoRepeatNGramLogitsProcessor, RepetitionPenaltyLogitsProcessor

    if "repetition_penalty" in options:
        return RepetitionPenaltyLogitsProcessor(options["repetition_penalty"])
    return NoRepeatNGramLogitsProcessor(int(options["no_repeat_ngram_size"]))


@pytest.mark.parametrize(
    "options",
    [
        {"repetition_penalty": 3.0},
        {"repetition_penalty": 0.2},
        {"no_repeat_ngram_size": 1},
        {"no_repeat_ngram_size": 2},
        {"no_repeat_ngram_size": 30},
    ],
)
def test_repetitions_are_held_back_as_in_transformers(options: dict[str, float]) -> None:
    """And padding counts as no token of a sequence."""
    model = lively(load_spec("llama-7b").scaled(max_seq_len=40, vocab_size=12))  # few tokens, so there are repetitions
    processor, tokens = transformers_processor(options), tokens_for(model.spec, 1, 9)
    expected = tokens
    for _ in range(24):
        with torch.no_grad():
            logits = processor(expected, model(expected)[:, -1])
        expected = torch.cat((expected, logits.argmax(-1, keepdim=True)), dim=1)
    assert torch.equal(model.generate(tokens, 24, **options), expected)
    padded = torch.cat((expected[:, -3:], tokens), dim=1)
    assert torch.equal(model.generate(padded, 24, padding=torch.tensor([3]), **options)[:, 3:], expected)
    if 30 not in options.values():
        assert not torch.equal(model.generate(tokens, 24), expected)


@pytest.mark.parametrize(
    "options",
    [
        {"max_new_tokens": -3},
        {"temperature": -1.0},
        {"temperature": "1"},
        {"top_k": -2},
        {"top_k": 1.5},
        {"top_p": 0.0},
        {"top_p": 1.5},
        {"min_p": 2},
        {"repetition_penalty": 0},
        {"no_repeat_ngram_size": -1},
        {"no_repeat_ngram_size": True},
    ],
)
def test_an_option_outside_its_range_is_refused(options: dict[str, float]) -> None:
    model = model_of("llama-7b")
    (name,) = options
    with pytest.raises(HarnessError, match=f"^{name}: found"):
        model.generate(tokens_for(model.spec, 1, 3), **{"max_new_tokens": 1, **options})


def test_learned_positions_end() -> None:
    model = model_of("gpt1")
    with pytest.raises(HarnessError, match="learned positions for 40 tokens; the sequence has 41"):
        model.generate(tokens_for(model.spec, 1, 38), 5)


def test_a_cache_of_known_capacity_is_allocated_once_and_holds_no_more() -> None:
    model = model_of("gpt3-small")
    cache = model.new_cache(capacity=12)
    dense = [index for index in range(len(cache.layers)) if not model.spec.layer(index).pattern.forgets]
    with torch.no_grad():
        model(tokens_for(model.spec, 2, 5), cache=cache)
        before = [cache.layers[index].keys.vectors for index in dense]
        for _ in range(7):
            model(tokens_for(model.spec, 2, 1), cache=cache)
    assert before
    assert all(cache.layers[index].keys.vectors is vectors for index, vectors in zip(dense, before, strict=True))
    assert cache.nbytes == 2 * kv_cache_bytes(model.spec, 12, 2, "fp32")  # float64 is twice fp32


def test_a_full_band_moves_nothing() -> None:
    model = model_of("gpt3-small")
    (layer,) = {index for index in range(2) if model.spec.layer(index).pattern.forgets}
    cache = model.new_cache()
    with torch.no_grad():
        model(tokens_for(model.spec, 1, 20), cache=cache)
        before = cache.layers[layer].keys.vectors
        model(tokens_for(model.spec, 1, 1), cache=cache)
    assert cache.layers[layer].keys.vectors is before
