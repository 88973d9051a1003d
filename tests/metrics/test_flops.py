"""FLOPs against formulas written out by hand from the sizes in the papers."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from harness.errors import HarnessError
from harness.metrics.attention_pairs import visible_pairs
from harness.metrics.flops import PHASES, Phase, flops, flops_breakdown, flops_table
from harness.metrics.params import params_breakdown
from harness.spec import Spec, load_spec, spec_names

LENGTHS = [1, 2, 255, 256, 257, 1000, 2048]
EVERY_SPEC = st.sampled_from(spec_names()).map(load_spec)
SIZES = st.integers(1, 5000)


def triangle(n: int) -> int:
    return n * (n + 1) // 2


def llama_7b(tokens: int, pairs: int) -> int:
    """32 layers of 4 matrices D x D and 3 of D x F, a head of D x V, and 4 D a query-key pair and layer."""
    matrices = 32 * (4 * 4096 * 4096 + 3 * 4096 * 11008) + 4096 * 32000
    return 2 * tokens * matrices + 32 * 4 * 4096 * pairs


def gpt3_small(tokens: int, dense_pairs: int, banded_pairs: int) -> int:
    """12 layers of 12 D^2, a head of D x V, and 4 D a pair; every other layer sees its band only."""
    matrices = 12 * 12 * 768 * 768 + 768 * 50257
    return 2 * tokens * matrices + 6 * 4 * 768 * (dense_pairs + banded_pairs)


def band(n: int, window: int = 256) -> int:
    """Pairs of n queries with the `window` keys that end with their own."""
    w = min(n, window)
    return w * n - w * (w - 1) // 2


@pytest.mark.parametrize("n", LENGTHS)
def test_llama_7b_takes_the_flops_of_its_matrices(n: int) -> None:
    spec = load_spec("llama-7b")
    assert flops(spec, "prefill", n) == llama_7b(n, triangle(n))
    assert flops(spec, "prefill", n, causal=False) == llama_7b(n, n * n)
    assert flops(spec, "decode", n) == flops(spec, "decode", n, causal=False) == llama_7b(1, n)
    assert flops(spec, "train", n, 3) == 9 * llama_7b(n, triangle(n))


@pytest.mark.parametrize("n", LENGTHS)
def test_gpt3_small_takes_the_flops_of_dense_and_banded_layers(n: int) -> None:
    spec = load_spec("gpt3-small")
    assert flops(spec, "prefill", n) == gpt3_small(n, triangle(n), band(n))
    assert flops(spec, "prefill", n, causal=False) == gpt3_small(n, n * n, n * n)
    assert flops(spec, "decode", n) == gpt3_small(1, n, min(n, 256))
    assert flops(spec, "decode", n, causal=False) == gpt3_small(1, n, n)


@pytest.mark.parametrize("window", [1, 128, 256, 5000])
@pytest.mark.parametrize("n", LENGTHS)
def test_alternating_layers_see_half_a_triangle_and_half_a_band_each(n: int, window: int) -> None:
    spec = load_spec("gpt3-175b")
    banded = spec.blocks["banded"]
    of_width = replace(banded, pattern=banded.pattern.model_copy(update={"window": window}))
    spec = replace(spec, blocks={**spec.blocks, "banded": of_width})
    layers = 96
    assert visible_pairs(spec, n) == layers // 2 * triangle(n) + layers // 2 * band(n, window)


@pytest.mark.parametrize("name", ["llama-7b", "llama2-70b", "chatglm2-6b", "gpt2-xl", "qwen2-7b-instruct"])
@pytest.mark.parametrize("n", [1, 77, 4096])
def test_a_decode_step_is_two_flops_a_weight_and_four_a_pair_and_channel(name: str, n: int) -> None:
    """The weights are those of matrices: no table of the input, no norm, no bias."""
    spec = load_spec(name)
    dims, layer = spec.dims, spec.choices
    attention, mlp = layer.mixer, layer.mlp
    breakdown = params_breakdown(spec)
    width = attention.num_heads * attention.channels(dims)
    kv_width = attention.kv_heads * attention.channels(dims)
    attention_bias = (width + 2 * kv_width) * (attention.bias is not False) + dims.hidden_size * (
        attention.bias is True
    )
    mlp_bias = mlp.bias * ((1 + mlp.gated) * mlp.intermediate_size + dims.hidden_size)
    weights = breakdown["mixer"] + breakdown["mlp"] - dims.num_layers * (attention_bias + mlp_bias)
    weights += dims.hidden_size * dims.vocab_size
    assert flops(spec, "decode", n) == 2 * weights + 4 * dims.num_layers * width * n


@given(EVERY_SPEC, SIZES, st.integers(1, 9), st.booleans())
@settings(deadline=None)
def test_training_is_three_forward_passes(spec: Spec, n: int, batch_size: int, causal: bool) -> None:
    assert flops(spec, "train", n, batch_size, causal) == 3 * flops(spec, "prefill", n, batch_size, causal)


@given(EVERY_SPEC, st.sampled_from(PHASES), SIZES, st.integers(1, 9), st.booleans())
@settings(deadline=None)
def test_a_batch_costs_its_sequences(spec: Spec, phase: Phase, n: int, batch_size: int, causal: bool) -> None:
    assert flops(spec, phase, n, batch_size, causal) == batch_size * flops(spec, phase, n, 1, causal)


@given(EVERY_SPEC, st.sampled_from(PHASES), SIZES)
@settings(deadline=None)
def test_causal_counts_no_more_than_full(spec: Spec, phase: Phase, n: int) -> None:
    full, causal = flops(spec, phase, n, causal=False), flops(spec, phase, n)
    assert causal <= full
    if n > 1 and phase != "decode" and any(spec.blocks[name].mixer.uses_pattern for name in spec.block_counts):
        assert causal < full


@given(EVERY_SPEC, st.integers(1, 300))
@settings(deadline=None)
def test_decoding_every_token_takes_what_prefill_takes(spec: Spec, n: int) -> None:
    """But for latent attention, which decodes in another form than it prefills."""
    assume(all(spec.blocks[name].mixer.kind != "latent" for name in spec.block_counts))
    assert sum(flops(spec, "decode", token) for token in range(1, n + 1)) == flops(spec, "prefill", n)


@given(EVERY_SPEC, st.sampled_from(PHASES), SIZES, st.booleans())
@settings(deadline=None)
def test_the_total_is_the_sum_of_its_parts(spec: Spec, phase: Phase, n: int, causal: bool) -> None:
    parts = flops_breakdown(spec, phase, n, causal=causal)
    depth = [spec.layers[index % len(spec.layers)] for index in range(spec.dims.num_layers)]
    assert flops(spec, phase, n, causal=causal) == parts["model"]["head"] + sum(
        parts[block]["mixer"] + parts[block]["mlp"] for block in depth
    )


def test_two_layers_cost_twice_one() -> None:
    one, two = (load_spec("llama-7b").scaled(num_layers=layers) for layers in (1, 2))
    head = flops_breakdown(one, "prefill", 17)["model"]["head"]
    assert flops(two, "prefill", 17) - head == 2 * (flops(one, "prefill", 17) - head)
    assert flops(one, "prefill", 17) > head > 0


def test_a_table_has_every_phase_both_ways() -> None:
    spec = load_spec("gpt3-small")
    assert flops_table(spec, 300, 2) == {
        phase: {"full": flops(spec, phase, 300, 2, causal=False), "causal": flops(spec, phase, 300, 2)}
        for phase in PHASES
    }


@pytest.mark.parametrize(
    ("phase", "seq_len", "batch_size", "message"),
    [("prefil", 8, 1, "did you mean 'prefill'"), ("decode", 0, 1, "seq_len"), ("decode", 8, -1, "batch_size")],
)
def test_arguments_that_mean_nothing_are_refused(phase: Phase, seq_len: int, batch_size: int, message: str) -> None:
    with pytest.raises(HarnessError, match=message):
        flops(load_spec("llama-7b"), phase, seq_len, batch_size)
