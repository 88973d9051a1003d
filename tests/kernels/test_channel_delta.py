"""The gated delta rule with decays of channels, in chunks, against its definition, and against other code."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor
from torch.nn.functional import normalize
from transformers.models.kimi_linear.modeling_kimi_linear import chunk_kimi_delta_attention

from harness.modules.kernels.channel_delta import channel_delta, reference
from harness.modules.kernels.delta import delta


def inputs(tokens: int, strength: float = 1.0, dtype: torch.dtype = torch.float64) -> list[Tensor]:
    """Queries, keys of length 1, values, betas up to 2, decays of channels, and a state."""
    generator = torch.Generator().manual_seed(tokens)

    def normal(*shape: int) -> Tensor:
        return torch.randn(shape, generator=generator, dtype=torch.float64)

    decay = -strength * torch.rand(2, tokens, 4, 5, generator=generator, dtype=torch.float64)
    beta = 2 * torch.rand(2, tokens, 4, generator=generator, dtype=torch.float64)
    keys = normalize(normal(2, tokens, 4, 5), dim=-1)
    given = [normal(2, tokens, 4, 5), keys, normal(2, tokens, 4, 3), beta, decay, normal(2, 4, 5, 3)]
    return [each.to(dtype) for each in given]


@pytest.mark.parametrize("strength", [0.0, 1.0, 50.0])
@pytest.mark.parametrize("tokens", [1, 2, 63, 64, 65, 513])
def test_chunks_give_what_the_definition_does(tokens: int, strength: float) -> None:
    given = inputs(tokens, strength)
    for found, expected in zip(channel_delta(*given), reference(*given), strict=True):
        torch.testing.assert_close(found, expected, rtol=1e-10, atol=1e-10)


@pytest.mark.parametrize("tokens", [7, 130])
def test_gradients_are_those_of_the_definition(tokens: int) -> None:
    given = [each.requires_grad_() for each in inputs(tokens)]
    gradients = []
    for compute in (channel_delta, reference):
        out, state = compute(*given)
        gradients.append(torch.autograd.grad(out.square().sum() + state.sin().sum(), given))
    torch.testing.assert_close(*gradients, rtol=1e-9, atol=1e-9)


@pytest.mark.parametrize("pieces", [[1] * 9, [4, 5], [8, 1]])
def test_a_state_goes_on(pieces: list[int]) -> None:
    *given, state = inputs(9)
    whole, last = channel_delta(*given, state)
    outs = []
    for parts in zip(*(each.split(pieces, 1) for each in given), strict=True):
        out, state = channel_delta(*parts, state)
        outs.append(out)
    torch.testing.assert_close(torch.cat(outs, 1), whole, rtol=1e-10, atol=1e-10)
    torch.testing.assert_close(state, last, rtol=1e-10, atol=1e-10)


@pytest.mark.parametrize("strength", [0.01, 1.0, 50.0])
def test_float32_is_as_good_as_its_numbers(strength: float) -> None:
    """Sums of 1000 products of normal numbers, of a size of 30: each is off by some 1e-7 of that."""
    exact = inputs(1000, strength)
    found = channel_delta(*(each.float() for each in exact))
    for got, expected in zip(found, reference(*(each.float().double() for each in exact)), strict=True):
        assert (got.double() - expected).abs().max() < 3e-5 * expected.abs().max()


def test_half_precision_sums_in_float32() -> None:
    given = inputs(200, 0.1, torch.bfloat16)
    out, state = channel_delta(*given[:5])
    expected, last = reference(*(each.double() for each in given[:5]), torch.zeros(2, 4, 5, 3, dtype=torch.float64))
    assert (out.dtype, state.dtype) == (torch.bfloat16, torch.float32)
    torch.testing.assert_close(state.double(), last, rtol=1e-4, atol=1e-4)
    torch.testing.assert_close(out.double(), expected, rtol=2**-8, atol=1e-2)


def test_one_decay_a_head_is_the_gated_delta_rule() -> None:
    q, k, v, beta, decay, state = inputs(70)
    alike = decay[..., :1]
    found = channel_delta(q, k, v, beta, alike.expand_as(decay), state)
    for got, expected in zip(found, delta(q, k, v, beta, alike[..., 0], state), strict=True):
        torch.testing.assert_close(got, expected, rtol=1e-10, atol=1e-10)


def test_it_is_what_another_code_computes() -> None:
    q, k, v, beta, decay, _ = inputs(150)
    given = [x.float() for x in (q, k, v, decay, beta)]
    expected, _ = chunk_kimi_delta_attention(*given[:3], g=given[3], beta=given[4])
    found, _ = channel_delta(q * 5**-0.5, k, v, beta, decay)
    assert (found - expected).abs().max() < 1e-4 * expected.abs().max()
