"""Linear attention that decays at fixed rates in chunks against its definition, and against other code."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import torch
from torch import Tensor
from transformers.models.minimax.configuration_minimax import MiniMaxConfig
from transformers.models.minimax.modeling_minimax import MiniMaxLightningAttention

from harness.choices.base import Dims
from harness.choices.mixers.lightning import Lightning
from harness.modules.kernels.decayed import reference
from harness.modules.kernels.steady import steady
from tests.kernels.recurrences import (
    Compute,
    assert_a_state_goes_on,
    assert_float32_is_as_good_as_its_numbers,
    assert_half_precision_sums_in_float32,
    assert_the_same,
    assert_the_same_gradients,
)


def inputs(tokens: int, strength: float = 1.0, dtype: torch.dtype = torch.float64) -> list[Tensor]:
    """Queries, keys, values, a slope for each of 4 heads, and a state."""
    generator = torch.Generator().manual_seed(tokens)

    def normal(*shape: int) -> Tensor:
        return torch.randn(shape, generator=generator, dtype=torch.float64).to(dtype)

    slopes = strength * torch.rand(4, generator=generator, dtype=torch.float64)
    return [normal(2, tokens, 4, 5), normal(2, tokens, 4, 5), normal(2, tokens, 4, 3), slopes, normal(2, 4, 5, 3)]


def by_definition(q: Tensor, k: Tensor, v: Tensor, slopes: Tensor, state: Tensor) -> tuple[Tensor, Tensor]:
    return reference(q, k, v, -slopes.expand(v.shape[:3]), state)


def at(slopes: Tensor, compute: Callable[..., tuple[Tensor, Tensor]] = steady) -> Compute:
    """The recurrence with these slopes, which no precision and no piece of a text changes."""
    return lambda q, k, v, state=None: compute(q, k, v, slopes, state)


@pytest.mark.parametrize("strength", [0.0, 1.0, 50.0])
@pytest.mark.parametrize("tokens", [1, 2, 63, 64, 65, 200])
def test_chunks_give_what_the_definition_does(tokens: int, strength: float) -> None:
    assert_the_same(steady, by_definition, inputs(tokens, strength))


@pytest.mark.parametrize("tokens", [7, 130])
def test_gradients_are_those_of_the_definition(tokens: int) -> None:
    assert_the_same_gradients(steady, by_definition, inputs(tokens))


@pytest.mark.parametrize("pieces", [[1] * 9, [4, 5], [8, 1]])
def test_a_state_goes_on(pieces: list[int]) -> None:
    *given, slopes, state = inputs(9)
    assert_a_state_goes_on(at(slopes), given, state, pieces)


@pytest.mark.parametrize("strength", [0.01, 1.0, 50.0])
def test_float32_is_as_good_as_its_numbers(strength: float) -> None:
    *given, slopes, state = inputs(1000, strength)
    assert_float32_is_as_good_as_its_numbers(at(slopes), at(slopes, by_definition), [*given, state])


def test_half_precision_sums_in_float32() -> None:
    *given, slopes, _ = inputs(200, 0.1, torch.bfloat16)
    compute, definition = at(slopes), at(slopes, by_definition)
    assert_half_precision_sums_in_float32(compute, definition, given, torch.zeros(2, 4, 5, 3, dtype=torch.float64))


@pytest.mark.parametrize("layer", range(5))
def test_slopes_are_those_of_another_code(layer: int) -> None:
    """It adds 1e-5 to L - 1, lest one layer alone divide by zero; the release's own code does not."""
    config = MiniMaxConfig(hidden_size=24, num_attention_heads=6, num_hidden_layers=5, block_size=2)
    expected = MiniMaxLightningAttention(config, layer).slope_rate.flatten()
    dims = Dims(num_layers=5, hidden_size=24, vocab_size=8, max_seq_len=8)
    found = Lightning(num_heads=6).slopes(dims, layer)
    torch.testing.assert_close(torch.tensor(found), expected, rtol=1e-5, atol=3e-6)
    constant = Lightning(num_heads=6, by_depth=False).slopes(dims, layer)
    assert constant == [2 ** (-8 * head / 6) for head in range(1, 7)]
