"""Decaying linear attention in chunks against its definition, and against other code."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor

from harness.modules.kernels.decayed import decayed, reference


def inputs(tokens: int, strength: float = 1.0, dtype: torch.dtype = torch.float64) -> list[Tensor]:
    generator = torch.Generator().manual_seed(tokens)

    def normal(*shape: int) -> Tensor:
        return torch.randn(shape, generator=generator, dtype=torch.float64).to(dtype)

    decay = -strength * torch.rand(2, tokens, 4, generator=generator, dtype=torch.float64).to(dtype)
    return [normal(2, tokens, 2, 5), normal(2, tokens, 2, 5), normal(2, tokens, 4, 3), decay, normal(2, 4, 5, 3)]


@pytest.mark.parametrize("strength", [0.0, 1.0, 50.0])
@pytest.mark.parametrize("tokens", [1, 2, 63, 64, 65, 513])
def test_chunks_give_what_the_definition_does(tokens: int, strength: float) -> None:
    given = inputs(tokens, strength)
    for found, expected in zip(decayed(*given), reference(*given), strict=True):
        torch.testing.assert_close(found, expected, rtol=1e-10, atol=1e-10)


def test_chunks_of_the_most_tokens_give_what_the_definition_does() -> None:
    """States of 64 by 64, behind which a chunk has 64 tokens."""
    generator = torch.Generator().manual_seed(3)
    q, k, v = (torch.randn(1, 150, 2, 64, generator=generator, dtype=torch.float64) for _ in range(3))
    given = [q, k, v, -torch.rand(1, 150, 2, generator=generator, dtype=torch.float64), v.new_zeros(1, 2, 64, 64)]
    for found, expected in zip(decayed(*given), reference(*given), strict=True):
        torch.testing.assert_close(found, expected, rtol=1e-10, atol=1e-10)


@pytest.mark.parametrize("tokens", [7, 130])
def test_gradients_are_those_of_the_definition(tokens: int) -> None:
    given = [each.requires_grad_() for each in inputs(tokens)]
    gradients = []
    for compute in (decayed, reference):
        out, state = compute(*given)
        gradients.append(torch.autograd.grad(out.square().sum() + state.sin().sum(), given))
    torch.testing.assert_close(*gradients, rtol=1e-9, atol=1e-9)


@pytest.mark.parametrize("pieces", [[1] * 9, [4, 5], [8, 1]])
def test_a_state_goes_on(pieces: list[int]) -> None:
    *given, state = inputs(9)
    whole, last = decayed(*given, state)
    outs = []
    for parts in zip(*(each.split(pieces, 1) for each in given), strict=True):
        out, state = decayed(*parts, state)
        outs.append(out)
    torch.testing.assert_close(torch.cat(outs, 1), whole, rtol=1e-10, atol=1e-10)
    torch.testing.assert_close(state, last, rtol=1e-10, atol=1e-10)


@pytest.mark.parametrize("strength", [0.01, 1.0, 50.0])
def test_float32_is_as_good_as_its_numbers(strength: float) -> None:
    """Sums of 1000 products of normal numbers, of a size of 30: each is off by some 1e-7 of that."""
    exact = inputs(1000, strength)
    found = decayed(*(each.float() for each in exact))
    for got, expected in zip(found, reference(*(each.float().double() for each in exact)), strict=True):
        assert (got.double() - expected).abs().max() < 3e-5 * expected.abs().max()


def test_half_precision_sums_in_float32() -> None:
    given = inputs(200, 0.1, torch.bfloat16)
    out, state = decayed(*given[:4])
    expected, last = reference(*(each.double() for each in given[:4]), torch.zeros(2, 4, 5, 3, dtype=torch.float64))
    assert (out.dtype, state.dtype) == (torch.bfloat16, torch.float32)
    torch.testing.assert_close(state.double(), last, rtol=1e-4, atol=1e-4)
    torch.testing.assert_close(out.double(), expected, rtol=2**-8, atol=1e-2)


def test_without_decay_it_is_a_sum_over_all_keys_so_far() -> None:
    q, k, v, decay, _ = inputs(70, 0.0)
    scores = (q.transpose(1, 2) @ k.transpose(1, 2).mT).tril().repeat_interleave(2, 1)
    torch.testing.assert_close(decayed(q, k, v, decay)[0], (scores @ v.transpose(1, 2)).transpose(1, 2))
