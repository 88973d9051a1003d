"""Forward and cached decoding against transformers: same weights, same thread, in turns.

The figure is the ratio of the times, ours to theirs, in `extra_info` of the benchmark file: the median over pairs of
runs that follow one another, with the 99 % interval that resampling the pairs gives.
"""

from __future__ import annotations

import random
import statistics
import time
from collections.abc import Callable, Iterator

import pytest
import torch
from pytest_benchmark.fixture import BenchmarkFixture
from transformers import AutoModelForCausalLM, LlamaConfig, PreTrainedModel

from harness import load_checkpoint
from harness.modules.decoder import Decoder

PAIRS = 5
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

Models = tuple[Decoder, PreTrainedModel]


@pytest.fixture(scope="module")
def models(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Models]:
    folder = tmp_path_factory.mktemp("smollm2")
    reference = AutoModelForCausalLM.from_config(LlamaConfig(**SMOLLM2), attn_implementation="sdpa").eval()
    reference.save_pretrained(folder)
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield load_checkpoint(folder), reference
    torch.set_num_threads(threads)


def ratios(ours: Callable[[], object], theirs: Callable[[], object]) -> list[float]:
    """Times of one over the other, pair by pair, each pair in random order."""
    found = []
    shuffle = random.Random(0)
    for _ in range(PAIRS):
        times = {}
        for candidate in shuffle.sample([ours, theirs], 2):
            started = time.perf_counter()
            candidate()
            times[candidate] = time.perf_counter() - started
        found.append(times[ours] / times[theirs])
    return found


def record(benchmark: BenchmarkFixture, ours: Callable[[], object], theirs: Callable[[], object]) -> None:
    """Warm both up, and store the ratio with its interval."""
    ours(), theirs()
    found = benchmark.pedantic(ratios, (ours, theirs), rounds=1, iterations=1)
    draw = random.Random(1)
    medians = sorted(statistics.median(draw.choices(found, k=len(found))) for _ in range(2000))
    benchmark.extra_info.update(ratio=statistics.median(found), low=medians[10], high=medians[-11], pairs=found)


@torch.no_grad()
def test_prefill_of_512_tokens(benchmark: BenchmarkFixture, models: Models) -> None:
    model, reference = models
    tokens = torch.randint(0, 49152, (1, 512), generator=torch.Generator().manual_seed(0))
    record(benchmark, lambda: model(tokens), lambda: reference(tokens, use_cache=False))


@torch.no_grad()
def test_decoding_of_128_tokens(benchmark: BenchmarkFixture, models: Models) -> None:
    model, reference = models
    tokens = torch.randint(3, 49152, (1, 16), generator=torch.Generator().manual_seed(0))
    record(
        benchmark,
        lambda: model.generate(tokens, 128),
        lambda: reference.generate(tokens, max_new_tokens=128, min_new_tokens=128, do_sample=False, pad_token_id=0),
    )
