"""Forward and cached decoding against transformers: same weights, same thread, in turns.

The figure is the ratio of the times, ours to theirs, in `extra_info` of the benchmark file; see `tests.bench.pairs`.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator

import pytest
import torch
from pytest_benchmark.fixture import BenchmarkFixture
from transformers import AutoModelForCausalLM, LlamaConfig, PreTrainedModel

from harness import load_checkpoint
from harness.modules.decoder import Decoder
from tests.bench.pairs import compare

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


def record(benchmark: BenchmarkFixture, ours: Callable[[], object], theirs: Callable[[], object]) -> None:
    """Both in turns, by the clock on the wall."""
    compare(benchmark, ours, theirs, PAIRS, time.perf_counter)


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
