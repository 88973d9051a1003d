"""Prefill and cached decoding against transformers: same weights, same numbers, in turns; see `tests.bench.pairs`."""

from __future__ import annotations

from typing import Any

import pytest

from harness.timing import Samples, in_turns
from tests.bench.pairs import Compare, Comparison, Measured, measure

PROCESSES, ROUNDS = 5, 2
PROMPT = 256
"""Tokens of a prefill."""
SHORT, NEW_TOKENS = 4, 8
"""Tokens of the prompt that is continued, and those behind it."""
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
def measured(tmp_path_factory: pytest.TempPathFactory) -> Measured:
    """Both programs on one checkpoint, which every process loads once."""
    from transformers import AutoModelForCausalLM, LlamaConfig

    folder = tmp_path_factory.mktemp("smollm2")
    AutoModelForCausalLM.from_config(LlamaConfig(**SMOLLM2)).save_pretrained(folder)
    return measure(sample, {"folder": str(folder)}, PROCESSES)


def sample(settings: dict[str, Any], number: int) -> dict[str, Samples]:
    """Prefill of a prompt, and some tokens behind a short one."""
    import torch
    from transformers import AutoModelForCausalLM

    from harness import load_checkpoint

    torch.set_grad_enabled(False)
    ours = load_checkpoint(settings["folder"])
    theirs = AutoModelForCausalLM.from_pretrained(settings["folder"], attn_implementation="sdpa").eval()
    tokens = torch.randint(3, SMOLLM2["vocab_size"], (1, PROMPT), generator=torch.Generator().manual_seed(0))
    short = tokens[:, :SHORT]
    exactly = {"max_new_tokens": NEW_TOKENS, "min_new_tokens": NEW_TOKENS, "do_sample": False, "pad_token_id": 0}
    calls = {
        "our prefill": lambda: ours(tokens),
        "their prefill": lambda: theirs(tokens, use_cache=False).logits,
        "our decoding": lambda: ours.generate(short, NEW_TOKENS),
        "their decoding": lambda: theirs.generate(short, **exactly),
    }
    if number == 0:  # all processes have the same weights
        torch.testing.assert_close(calls["our prefill"](), calls["their prefill"](), rtol=0, atol=1e-5)
        assert torch.equal(calls["our decoding"](), calls["their decoding"]()), "another continuation"
    return {"all": in_turns(calls, "their decoding", ROUNDS, 0.0, number)}


@pytest.mark.parametrize(
    ("what", "tokens", "goal"),
    [("prefill", PROMPT, 0.97), ("decoding", NEW_TOKENS, 0.90)],
    ids=["prefill", "decoding"],
)
def test_speed(compare: Compare, measured: Measured, what: str, tokens: int, goal: float) -> None:
    name = f"{what} to transformers, SmolLM2-135M, {tokens} tokens"
    # Decoding, which waits for memory, is the noisier of the two.
    compare(measured, Comparison(name, "all", f"our {what}", f"their {what}", "their decoding", goal=goal))
