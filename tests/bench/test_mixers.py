"""Recurrences and experts against transformers' own code for a CPU, and latent attention against MHA."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from harness.timing import Samples, in_turns
from tests.bench.pairs import Compare, Comparison, Measured, measure

PROCESSES, ROUNDS = 5, 3
TOKENS, SHORT, NEW_TOKENS, CACHED = 1024, 4, 8, 16384
HEADS, CHANNELS = 32, 128
"""Of LLaMA-7B, and of the latent attention beside it."""

COMMON = {"num_hidden_layers": 2, "vocab_size": 1000, "tie_word_embeddings": True}
RECURRENT: dict[str, dict[str, Any]] = {
    "mamba2": {**COMMON, "hidden_size": 256, "num_heads": 8, "head_dim": 64, "state_size": 128, "n_groups": 1},
    "qwen3_5_text": {
        **COMMON,
        "hidden_size": 512,
        "intermediate_size": 512,
        **dict.fromkeys(("linear_num_key_heads", "linear_num_value_heads"), 8),
        **dict.fromkeys(("linear_key_head_dim", "linear_value_head_dim"), 64),
        "layer_types": ["linear_attention"] * 2,
        "pad_token_id": 0,
    },
}
CALLED = {"mamba2": "Mamba-2", "qwen3_5_text": "gated DeltaNet"}
PASSES = ("forward", "both passes")
EXPERTS: dict[str, Any] = {
    **COMMON,
    "hidden_size": 512,
    "intermediate_size": 1024,
    "num_attention_heads": 8,
    "num_key_value_heads": 2,
    "head_dim": 64,
    "num_experts": 32,
    "num_experts_per_tok": 4,
    "moe_intermediate_size": 256,
}
KINDS = {**RECURRENT, "qwen3_moe": EXPERTS}


@pytest.fixture(scope="module")
def measured(tmp_path_factory: pytest.TempPathFactory) -> Measured:
    """All of them, from checkpoints that every process loads."""
    from transformers import CONFIG_MAPPING, AutoModelForCausalLM

    folder = tmp_path_factory.mktemp("mixers")
    for kind, fields in KINDS.items():
        AutoModelForCausalLM.from_config(CONFIG_MAPPING[kind](**fields)).save_pretrained(folder / kind)
    return measure(sample, {"folder": str(folder)}, PROCESSES)


def sample(settings: dict[str, Any], number: int) -> dict[str, Samples]:
    """A pass over a text, tokens behind a short one, and a token behind a long cache."""
    import torch

    torch.set_grad_enabled(False)
    found = {}
    for kind in KINDS:
        calls = pair(Path(settings["folder"]) / kind, number)
        found[kind] = in_turns(calls, "their prefill", ROUNDS, 0.0, number)
    found["delta rule"] = in_turns(delta_rules(), "their forward", ROUNDS, 0.0, number)
    found["latent"] = in_turns(latent_and_mha(), "MHA", ROUNDS, 0.0, number)
    return found


def pair(folder: Path, number: int) -> dict[str, Callable[[], object]]:
    """Both programs on one checkpoint; in the first process their numbers are compared."""
    import torch
    from transformers import AutoModelForCausalLM

    from harness import load_checkpoint

    ours, theirs = load_checkpoint(folder), AutoModelForCausalLM.from_pretrained(folder).eval()
    tokens = torch.randint(3, COMMON["vocab_size"], (1, TOKENS), generator=torch.Generator().manual_seed(0))
    short = tokens[:, :SHORT]
    exactly = {"max_new_tokens": NEW_TOKENS, "min_new_tokens": NEW_TOKENS, "do_sample": False, "pad_token_id": 0}
    if number == 0:
        torch.testing.assert_close(ours(tokens), theirs(tokens, use_cache=False).logits, rtol=0, atol=1e-4)
    calls: dict[str, Callable[[], object]] = {
        "our prefill": lambda: ours(tokens),
        "their prefill": lambda: theirs(tokens, use_cache=False).logits,
    }
    if folder.name in RECURRENT:
        return calls
    return calls | {
        "our decoding": lambda: ours.generate(short, NEW_TOKENS),
        "their decoding": lambda: theirs.generate(short, **exactly),
    }


def delta_rules() -> dict[str, Callable[[], object]]:
    """The gated delta rule of both programs without what is around it, forward and with the backward pass."""
    import torch
    from transformers.models.qwen3_5.modeling_qwen3_5 import torch_chunk_gated_delta_rule

    from harness.modules.kernels.delta import delta

    generator = torch.Generator().manual_seed(0)
    q, k, v = torch.randn(3, 1, TOKENS, 8, 64, generator=generator).unbind()
    k = torch.nn.functional.normalize(k, dim=-1)
    beta, decay = torch.rand(2, 1, TOKENS, 8, generator=generator).unbind()
    given = [q / 8, k, v, beta, -decay]
    tracked = [x.clone().requires_grad_() for x in given]

    def ours(q: Any, k: Any, v: Any, beta: Any, log_decay: Any) -> Any:
        return delta(q, k, v, beta, log_decay)[0]

    def theirs(q: Any, k: Any, v: Any, beta: Any, log_decay: Any) -> Any:
        return torch_chunk_gated_delta_rule(8 * q, k, v, g=log_decay, beta=beta)[0]

    def both_passes(rule: Callable[..., Any]) -> object:
        with torch.enable_grad():
            return torch.autograd.grad(rule(*tracked).square().sum(), tracked)

    torch.testing.assert_close(ours(*given), theirs(*given), rtol=0, atol=1e-5)
    return {
        "our forward": lambda: ours(*given),
        "their forward": lambda: theirs(*given),
        "our both passes": lambda: both_passes(ours),
        "their both passes": lambda: both_passes(theirs),
    }


def latent_and_mha() -> dict[str, Callable[[], object]]:
    """A token behind the cache of a layer of LLaMA-7B's size."""
    import torch

    from harness.experiments import decoding

    decoding.HEADS, decoding.CHANNELS = HEADS, CHANNELS
    arrangements = {"MHA": decoding.KeysAndValues(HEADS), "latent": decoding.OfLatents(4 * CHANNELS, CHANNELS // 2)}
    return {name: each.step(CACHED, 1, torch.float32)[0] for name, each in arrangements.items()}


@pytest.mark.parametrize("kind", RECURRENT)
def test_a_recurrence_and_transformers(compare: Compare, measured: Measured, kind: str) -> None:
    name = f"{CALLED[kind]} to transformers, two layers, {TOKENS} tokens"
    compare(measured, Comparison(name, kind, "our prefill", "their prefill"))


@pytest.mark.parametrize("passes", PASSES)
def test_the_delta_rule_and_transformers(compare: Compare, measured: Measured, passes: str) -> None:
    name = f"the gated delta rule alone to transformers, {passes}, {TOKENS} tokens"
    compare(measured, Comparison(name, "delta rule", f"our {passes}", f"their {passes}", "their forward", goal=0.5))


@pytest.mark.parametrize("what", ["prefill", "decoding"])
def test_experts_and_transformers(compare: Compare, measured: Measured, what: str) -> None:
    tokens = TOKENS if what == "prefill" else NEW_TOKENS
    name = f"{what} with 4 of 32 experts to transformers, {tokens} tokens"
    compare(measured, Comparison(name, "qwen3_moe", f"our {what}", f"their {what}", "their prefill", goal=1.0))


def test_latent_attention_and_mha(compare: Compare, measured: Measured) -> None:
    name = f"a token of latent attention to MHA, {HEADS} heads, {CACHED} cached"
    compare(measured, Comparison(name, "latent", "latent", "MHA", goal=1 / 3))
