"""Forward and cached decoding against transformers: same weights, in turns; see `tests.bench.pairs`."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from pytest_benchmark.fixture import BenchmarkFixture

from harness.timing import Samples, in_turns
from tests.bench.pairs import compare

PROCESSES, ROUNDS = 5, 3
SLOWEST = 1.05
"""The ratio that the measured one must not exceed: the interval of so few processes is about as wide."""
SMOLLM2 = {
    "num_hidden_layers": 30,
    "hidden_size": 576,
    "num_attention_heads": 9,
    "num_key_value_heads": 3,
    "intermediate_size": 1536,
    "vocab_size": 49152,
    "max_position_embeddings": 8192,
    "tie_word_embeddings": True,
}
"""The shapes of SmolLM2-135M; how long it takes does not depend on the weights."""


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A checkpoint for both."""
    from transformers import AutoModelForCausalLM, LlamaConfig

    made = tmp_path_factory.mktemp("smollm2")
    AutoModelForCausalLM.from_config(LlamaConfig(**SMOLLM2)).save_pretrained(made)
    return made


def sample(settings: dict[str, Any], number: int) -> Samples:
    """Prefill of so many tokens, or so many new ones behind a short prompt."""
    import torch
    from transformers import AutoModelForCausalLM

    from harness import load_checkpoint

    torch.set_grad_enabled(False)
    ours = load_checkpoint(settings["folder"])
    theirs = AutoModelForCausalLM.from_pretrained(settings["folder"], attn_implementation="sdpa").eval()
    count, length = settings["new_tokens"], settings["prompt"]
    tokens = torch.randint(3, SMOLLM2["vocab_size"], (1, length), generator=torch.Generator().manual_seed(0))
    if count == 0:
        calls = {"ours": lambda: ours(tokens), "theirs": lambda: theirs(tokens, use_cache=False)}
    else:
        exactly = {"max_new_tokens": count, "min_new_tokens": count, "do_sample": False, "pad_token_id": 0}
        calls = {"ours": lambda: ours.generate(tokens, count), "theirs": lambda: theirs.generate(tokens, **exactly)}
    return in_turns(calls, "theirs", ROUNDS, 0.0, number)


@pytest.mark.parametrize(("prompt", "new_tokens"), [(512, 0), (16, 128)], ids=["prefill", "decoding"])
def test_speed(benchmark: BenchmarkFixture, folder: Path, prompt: int, new_tokens: int) -> None:
    settings = {"folder": str(folder), "prompt": prompt, "new_tokens": new_tokens}
    result = compare(benchmark, sample, settings, PROCESSES)
    assert result["ratio"]["mid"] <= SLOWEST
