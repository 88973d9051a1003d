"""Decaying linear attention in chunks against its definition, and against other code."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor

from harness.modules.kernels.decayed import decayed, reference
from tests.kernels.recurrences import (
    assert_a_state_goes_on,
    assert_float32_is_as_good_as_its_numbers,
    assert_half_precision_sums_in_float32,
    assert_the_same,
    assert_the_same_gradients,
)


def inputs(tokens: int, strength: float = 1.0, dtype: torch.dtype = torch.float64) -> list[Tensor]:
    generator = torch.Generator().manual_seed(tokens)

    def normal(*shape: int) -> Tensor:
        return torch.randn(shape, generator=generator, dtype=torch.float64).to(dtype)

    decay = -strength * torch.rand(2, tokens, 4, generator=generator, dtype=torch.float64).to(dtype)
    return [normal(2, tokens, 2, 5), normal(2, tokens, 2, 5), normal(2, tokens, 4, 3), decay, normal(2, 4, 5, 3)]


@pytest.mark.parametrize("strength", [0.0, 1.0, 50.0])
@pytest.mark.parametrize("tokens", [1, 2, 63, 64, 65, 513])
def test_chunks_give_what_the_definition_does(tokens: int, strength: float) -> None:
    assert_the_same(decayed, reference, inputs(tokens, strength))


def test_chunks_of_the_most_tokens_give_what_the_definition_does() -> None:
    """States of 64 by 64, behind which a chunk has 64 tokens."""
    generator = torch.Generator().manual_seed(3)
    q, k, v = (torch.randn(1, 150, 2, 64, generator=generator, dtype=torch.float64) for _ in range(3))
    decay = -torch.rand(1, 150, 2, generator=generator, dtype=torch.float64)
    assert_the_same(decayed, reference, [q, k, v, decay, v.new_zeros(1, 2, 64, 64)])


@pytest.mark.parametrize("tokens", [7, 130])
def test_gradients_are_those_of_the_definition(tokens: int) -> None:
    assert_the_same_gradients(decayed, reference, inputs(tokens))


@pytest.mark.parametrize("pieces", [[1] * 9, [4, 5], [8, 1]])
def test_a_state_goes_on(pieces: list[int]) -> None:
    *given, state = inputs(9)
    assert_a_state_goes_on(decayed, given, state, pieces)


@pytest.mark.parametrize("strength", [0.01, 1.0, 50.0])
def test_float32_is_as_good_as_its_numbers(strength: float) -> None:
    assert_float32_is_as_good_as_its_numbers(decayed, reference, inputs(1000, strength))


def test_half_precision_sums_in_float32() -> None:
    given = inputs(200, 0.1, torch.bfloat16)[:4]
    assert_half_precision_sums_in_float32(decayed, reference, given, torch.zeros(2, 4, 5, 3, dtype=torch.float64))


def test_without_decay_it_is_a_sum_over_all_keys_so_far() -> None:
    q, k, v, decay, _ = inputs(70, 0.0)
    scores = (q.transpose(1, 2) @ k.transpose(1, 2).mT).tril().repeat_interleave(2, 1)
    torch.testing.assert_close(decayed(q, k, v, decay)[0], (scores @ v.transpose(1, 2)).transpose(1, 2))
