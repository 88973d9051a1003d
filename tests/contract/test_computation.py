"""What every choice computes, in a tiny model in float64.

Where two ways to compute the same logits differ in the shapes of their matrix products, they round differently: a
logit of the size of 1 to 100 then carries an error of some 1e-13, and 1e-10 leaves room for nothing but that.
"""

from __future__ import annotations

import pytest
import torch
from torch import Tensor
from torch.nn.functional import cross_entropy

from harness.choices.base import Choice
from harness.metrics.kv_cache import kv_cache_bytes
from harness.modules.decoder import Decoder
from tests.contract.examples import EXAMPLES, TINY, Example, T, in_chunks, lively, model_of, spec_of, tokens_for

CONTEXT = 5
BY_PLACE = [example for example in EXAMPLES if not getattr(example.choice, "by_length", False)]
"""All but the position schemes that look at the length of a call: keys in a cache keep those of their own call."""
ROUNDING = {"rtol": 0.0, "atol": 1e-10}


def logits_of(model: Decoder, tokens: Tensor, context: int | Tensor = 0) -> Tensor:
    with torch.no_grad():
        logits: Tensor = model(tokens, context=context)
    return logits


def reached(example: Example, context: int) -> Tensor:
    """Which logits [T] may know of which tokens [T]: every layer goes one step along the visible pairs."""
    places = torch.arange(T)
    choices = spec_of(example).choices
    if choices.mixer.uses_pattern:
        seen = choices.pattern.visible(places[:, None], places[None, :], context)
    else:
        distance = places[:, None] - places  # a convolution sees as many tokens as it has taps, a recurrence all
        longest = T if choices.mixer.recurrent else getattr(choices.mixer, "taps", 0)
        seen = (distance >= 0) & (distance < longest)
    step = seen | torch.eye(T).bool()
    known = torch.eye(T)
    for _ in range(TINY.num_layers):
        known = step.float() @ known
    return known > 0


@pytest.mark.parametrize("example", EXAMPLES, ids=str)
def test_logits_are_finite(example: Example) -> None:
    logits = logits_of(model_of(example), tokens_for(spec_of(example), 2))
    assert logits.shape == (2, T, TINY.vocab_size)
    assert logits.isfinite().all()


@pytest.mark.parametrize("example", EXAMPLES, ids=str)
def test_every_parameter_gets_a_gradient(example: Example) -> None:
    model = lively(spec_of(example))
    tokens = tokens_for(spec_of(example), 2, T + 1)
    logits: Tensor = model(tokens[:, :-1])
    cross_entropy(logits.flatten(0, 1), tokens[:, 1:].flatten()).backward()
    parts = [option for _, option in example.choice if isinstance(option, Choice)]
    for name, parameter in model.named_parameters():
        if "router" in name and getattr(example.choice, "score", None) == "sparsemixer":
            continue  # a softmax over one expert that none comes near is 1 whatever its logit
        if "dt_bias" in name and any(getattr(each, "dt_min", None) for each in (example.choice, *parts)):
            continue  # so high a limit may be above every dt
        assert parameter.grad is not None, name
        assert parameter.grad.isfinite().all(), name
        assert parameter.grad.abs().max() > 1e-9, name  # what is zero but for rounding is not above 1e-15


@pytest.mark.parametrize("context", [0, CONTEXT])
@pytest.mark.parametrize("example", EXAMPLES, ids=str)
def test_a_token_reaches_the_logits_that_the_pattern_lets_it_and_no_other_bit(example: Example, context: int) -> None:
    model, tokens = model_of(example), tokens_for(spec_of(example), 1)
    # An expert computes its tokens at once, so that how many there are decides how each of them is rounded.
    rounding = 1e-10 if example.axis == "experts" else 0.0
    logits, known = logits_of(model, tokens, context), reached(example, context)
    for place in (0, 3, CONTEXT, T - 1):
        other = tokens.clone()
        other[0, place] = (tokens[0, place] + 1) % TINY.vocab_size
        changed = ((logits_of(model, other, context) - logits).abs() > rounding).any(-1)[0]
        if example.axis == "mixer" and spec_of(example).recurrent:  # what decays may be below a rounding error
            assert not (changed & ~known[:, place]).any(), place
            assert changed[place], place
        else:
            assert changed.tolist() == known[:, place].tolist(), place
        if place >= context:
            assert not changed[:place].any(), place


@pytest.mark.parametrize(
    ("chunks", "context"),
    [([CONTEXT] + [1] * 8, 0), ([1, 4, 2, 6], 0), ([CONTEXT] + [1] * 8, CONTEXT), ([6, 1, 3, 3], CONTEXT)],
    ids=str,
)
@pytest.mark.parametrize("example", BY_PLACE, ids=str)
def test_a_cache_changes_nothing(example: Example, chunks: list[int], context: int) -> None:
    model, tokens = model_of(example), tokens_for(spec_of(example), 2)
    whole = logits_of(model, tokens, context)
    torch.testing.assert_close(in_chunks(model, tokens, chunks, context), whole, **ROUNDING)


@pytest.mark.parametrize("example", EXAMPLES, ids=str)
def test_a_decoding_cache_holds_the_bytes_of_the_formula_after_each_token(example: Example) -> None:
    spec, model = spec_of(example), model_of(example)
    cache = model.new_cache()
    for n in range(1, T + 1):
        with torch.no_grad():
            model(tokens_for(spec, 2, 1), cache=cache)
        assert cache.nbytes == 2 * kv_cache_bytes(spec, n, 2, "fp32")  # float64 is twice fp32


@pytest.mark.parametrize("example", EXAMPLES, ids=str)
def test_sequences_of_a_batch_do_not_meet(example: Example) -> None:
    model, tokens = model_of(example), tokens_for(spec_of(example), 3)
    contexts = [0, CONTEXT, T]
    alone = torch.cat([logits_of(model, tokens[[row]], context) for row, context in enumerate(contexts)])
    torch.testing.assert_close(logits_of(model, tokens, torch.tensor(contexts)), alone, **ROUNDING)
