"""Means by weights that fall against their definition, and against sums that are written out."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor

from harness.modules.kernels import wkv as kernel
from harness.modules.kernels.wkv import lowest, reference, wkv


def inputs(tokens: int, strength: float = 1.0, dtype: torch.dtype = torch.float64) -> list[Tensor]:
    """Keys, values, decay, bonus, and a state of earlier tokens."""
    generator = torch.Generator().manual_seed(tokens)

    def normal(*shape: int) -> Tensor:
        return torch.randn(shape, generator=generator, dtype=torch.float64).to(dtype)

    state = torch.stack((normal(2, 4), normal(2, 4).abs() + 0.1, strength * normal(2, 4)), 1)
    return [strength * normal(2, tokens, 4), normal(2, tokens, 4), normal(4).exp(), normal(4), state]


@pytest.mark.parametrize("elements", [1, 100, 1 << 17])
@pytest.mark.parametrize("strength", [0.0, 1.0, 1e4])
@pytest.mark.parametrize("tokens", [1, 2, 33])
def test_tokens_at_once_give_what_the_definition_does(
    tokens: int, strength: float, elements: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(kernel, "ELEMENTS", elements)
    given = inputs(tokens, strength)
    with torch.no_grad():
        for found, expected in zip(wkv(*given), reference(*given), strict=True):
            torch.testing.assert_close(found, expected, rtol=1e-10, atol=1e-10)


@pytest.mark.parametrize("tokens", [1, 9])
def test_it_is_the_mean_of_the_values_that_the_paper_defines(tokens: int) -> None:
    keys, values, decay, bonus, _ = inputs(tokens)
    out, _ = wkv(keys, values, decay, bonus)
    for t in range(tokens):
        age = torch.arange(t - 1, -2, -1, dtype=torch.float64)[:, None]  # the token's own comes last
        exponents = keys[:, : t + 1] - age.clamp(min=0) * decay
        exponents[:, -1] = keys[:, t] + bonus
        weights = exponents.softmax(1)
        torch.testing.assert_close(out[:, t], (weights * values[:, : t + 1]).sum(1), rtol=1e-10, atol=1e-10)


def test_gradients_are_those_of_the_definition() -> None:
    given = [each.requires_grad_() for each in inputs(17)]
    gradients = []
    for compute in (wkv, reference):
        out, state = compute(*given)
        numerator, denominator, _ = state.unbind(1)  # the mean alone does not depend on what both are divided by
        gradients.append(torch.autograd.grad(out.square().sum() + (numerator / denominator).sin().sum(), given))
    torch.testing.assert_close(*gradients, rtol=1e-9, atol=1e-9)


@pytest.mark.parametrize("pieces", [[1] * 9, [4, 5]])
def test_a_state_goes_on(pieces: list[int]) -> None:
    keys, values, decay, bonus, state = inputs(9)
    whole, last = wkv(keys, values, decay, bonus, state)
    outs = []
    for key, value in zip(keys.split(pieces, 1), values.split(pieces, 1), strict=True):
        out, state = wkv(key, value, decay, bonus, state)
        outs.append(out)
    torch.testing.assert_close(torch.cat(outs, 1), whole, rtol=1e-10, atol=1e-10)
    torch.testing.assert_close(state, last, rtol=1e-10, atol=1e-10)


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16, torch.float32, torch.float64])
def test_padding_has_no_weight_in_any_format(dtype: torch.dtype) -> None:
    keys, values, decay, bonus, _ = inputs(9, dtype=dtype)
    out, state = wkv(keys[:, 3:], values[:, 3:], decay, bonus)
    keys[:, :3] = lowest(keys)
    padded, same = wkv(keys, values, decay, bonus)
    assert padded.isfinite().all()
    assert (padded.dtype, same.dtype) == (dtype, torch.promote_types(dtype, torch.float32))
    torch.testing.assert_close(padded[:, 3:], out, rtol=1e-6, atol=1e-6)
    torch.testing.assert_close(same, state, rtol=1e-6, atol=1e-6)


def test_keys_that_no_power_of_e_can_hold_have_means_and_gradients() -> None:
    keys, values, decay, bonus, _ = (each.float() for each in inputs(64, 1e5))
    given = [each.requires_grad_() for each in (keys, values, decay, bonus)]
    out, state = wkv(*given)
    gradients = torch.autograd.grad(out.sum(), given)
    assert all(each.isfinite().all() for each in (out, state, *gradients))
    assert out.abs().max() <= values.abs().max() * (1 + 1e-6)
