"""ChatGLM-6B finds its context in its tokens, as its release does, by every way in; what it cannot find it asks for."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file
from torch import Tensor

from harness import HarnessError, build, load_checkpoint, load_spec, save_checkpoint
from harness.checkpoints.load import SPEC
from harness.evaluation.lm import HarnessLM
from harness.evaluation.options import Options
from harness.evaluation.tokenizers import Words
from harness.modules.decoder import Decoder
from harness.modules.positions import Places
from harness.modules.positions.rope_2d import two_dimensional_ids
from tests.checkpoints.test_families import TOLERANCE
from tests.conftest import ROOT

GOLDEN = ROOT / "tests" / "golden" / "chatglm-6b"
MASK, GMASK, START = 150, 151, 154
CONTEXT = 10
TOLD = r"pass context=, the number of leading tokens that are read in both directions \(0 for none\)"


@pytest.fixture(scope="module")
def model() -> Decoder:
    return load_checkpoint(GOLDEN)


@pytest.fixture(scope="module")
def reference() -> dict[str, Tensor]:
    return load_file(GOLDEN / "reference.safetensors")


@torch.no_grad()
def test_logits_without_a_word_of_the_context_are_those_of_the_release(
    model: Decoder, reference: dict[str, Tensor]
) -> None:
    tokens = reference["input_ids"]
    assert (model(tokens) - reference["logits"]).abs().max() < TOLERANCE
    assert torch.equal(model(tokens), model(tokens, context=CONTEXT))
    assert (model(tokens, context=0) - reference["logits"]).abs().max() > 1e-3


@torch.no_grad()
def test_behind_a_cache_the_context_is_known(model: Decoder, reference: dict[str, Tensor]) -> None:
    tokens = reference["input_ids"]
    cache = model.new_cache()
    parts = [model(part, cache=cache) for part in (tokens[:, : CONTEXT + 1], *tokens[:, CONTEXT + 1 :].split(1, 1))]
    assert (torch.cat(parts, 1) - reference["logits"]).abs().max() < TOLERANCE


@torch.no_grad()
def test_the_rows_of_a_cache_keep_their_contexts(model: Decoder) -> None:
    one = torch.tensor([[5, 6, GMASK, START, 7, 8], [5, 6, 7, 9, GMASK, START]])
    cache = model.new_cache()
    model(one, cache=cache)
    assert cache.context is not None
    chosen = cache.rows(torch.tensor([1, 1, 0])).context
    assert chosen is not None
    assert isinstance(chosen.length, Tensor)
    assert chosen.length.tolist() == [5, 5, 3]


def test_generation_finds_it_for_every_sequence_of_a_padded_batch(model: Decoder) -> None:
    prompts = [[9, 8, 7, 6, GMASK, START], [9, 8, GMASK, START], [MASK, 5, START]]
    padding = torch.tensor([6 - len(prompt) for prompt in prompts])
    batch = torch.tensor([[3] * (6 - len(prompt)) + prompt for prompt in prompts])
    together = model.generate(batch, 8, padding=padding)
    for row, prompt in enumerate(prompts):
        alone = model.generate(torch.tensor([prompt]), 8)
        assert torch.equal(together[row, padding[row] :], alone[0])
        if prompt[-2] == GMASK:
            assert torch.equal(alone, model.generate(torch.tensor([prompt]), 8, context=len(prompt) - 1))


@pytest.mark.parametrize(
    ("tokens", "length", "mask"),
    [
        ([5, GMASK, START, 7], 2, 1),
        ([5, MASK, 6, GMASK, START, 7], 4, 3),  # gMASK counts wherever it stands
        ([MASK, 6, MASK, 8, START, 7, START], 4, 0),
    ],
)
def test_positions_are_those_of_the_release(model: Decoder, tokens: list[int], length: int, mask: int) -> None:
    """In two dimensions: places in the context and then that of the mask; 0 in the context, and then 1, 2, ..."""
    assert model.find_context is not None
    found = model.find_context(torch.tensor([tokens]), None)
    places = torch.arange(len(tokens))
    ids = two_dimensional_ids(Places(places, len(tokens), found.length, mask=found.mask))
    behind = len(tokens) - length
    assert ids[0][0].tolist() == [*range(length), *[mask] * behind]
    assert ids[1][0].tolist() == [0] * length + list(range(1, behind + 1))


@pytest.mark.parametrize(
    ("tokens", "message"),
    [
        ([5, 6, GMASK], rf"sequence 1 of the batch has no token that starts what follows a context \(154\); {TOLD}"),
        ([5, START, 6], rf"sequence 1 of the batch has no token for a mask \(151 or 150\); {TOLD}"),
    ],
)
def test_a_context_that_is_not_there_is_not_guessed(model: Decoder, tokens: list[int], message: str) -> None:
    batch = torch.tensor([[5, GMASK, START], tokens])
    with pytest.raises(HarnessError, match=message):
        model(batch)
    with pytest.raises(HarnessError, match=message):
        model.generate(batch, 3)
    assert model(batch, context=0).isfinite().all()


def test_a_saved_release_finds_it_too_and_without_its_tokens_asks(
    model: Decoder, reference: dict[str, Tensor], tmp_path: Path
) -> None:
    save_checkpoint(model, tmp_path)
    tokens = reference["input_ids"]
    assert torch.equal(load_checkpoint(tmp_path)(tokens), model(tokens))
    lines = (tmp_path / SPEC).read_text(encoding="utf-8").splitlines()
    without = [line for line in lines if not line.startswith("context_tokens")]
    assert len(without) == len(lines) - 1
    (tmp_path / SPEC).write_text("\n".join(without), encoding="utf-8")
    with pytest.raises(HarnessError, match=f"which tokens end a context is not known; {TOLD}"):
        load_checkpoint(tmp_path)(tokens)


def test_a_fresh_model_has_no_context_unless_it_is_told() -> None:
    model, tokens = build(load_spec("chatglm-6b").scaled()), torch.arange(9)[None]
    assert torch.equal(model(tokens), model(tokens, context=0))


@torch.no_grad()
def test_lm_eval_puts_the_blank_behind_its_contexts(model: Decoder) -> None:
    """A tokenizer that knows no blank: the mask and the start are those of the release."""
    words = Words([f"w{token}" for token in range(model.spec.dims.vocab_size)], prefix="w0", end="w155")
    lm = HarnessLM.of(model, words)
    ((score, _),) = lm._loglikelihood_tokens([(None, [5, 6, 7], [8, 9])])
    logits = model(torch.tensor([[5, 6, 7, GMASK, START, 8]])).double().log_softmax(-1)[0]
    assert score == pytest.approx(float(logits[-2, 8] + logits[-1, 9]), abs=1e-5)
    continued = model.generate(torch.tensor([[5, 6, 7, GMASK, START]]), 4, stop=155)[0, 5:].tolist()
    assert lm._generate([(5, 6, 7)], Options(4, (), {})) == [words.decode(continued)]
