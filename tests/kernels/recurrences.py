"""What every recurrence that is computed in chunks is held to: its definition, token by token."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import torch
from torch import Tensor

Compute = Callable[..., tuple[Tensor, Tensor]]
"""Inputs and a state in front of the first token -> outputs, [B, T, ..], and the state behind the last."""
ROUNDED = 1e-10
"""Of sums of some hundred numbers in float64, added up in another order."""


def assert_the_same(compute: Compute, definition: Compute, given: Sequence[Tensor]) -> None:
    for found, expected in zip(compute(*given), definition(*given), strict=True):
        torch.testing.assert_close(found, expected, rtol=ROUNDED, atol=ROUNDED)


def assert_the_same_gradients(compute: Compute, definition: Compute, given: Sequence[Tensor]) -> None:
    trained = [each.requires_grad_() for each in given]
    gradients = []
    for each in (compute, definition):
        out, state = each(*trained)
        gradients.append(torch.autograd.grad(out.square().sum() + state.sin().sum(), trained))
    torch.testing.assert_close(*gradients, rtol=10 * ROUNDED, atol=10 * ROUNDED)


def assert_a_state_goes_on(compute: Compute, given: Sequence[Tensor], state: Tensor, pieces: list[int]) -> None:
    whole, last = compute(*given, state)
    outs = []
    for parts in zip(*(each.split(pieces, 1) for each in given), strict=True):
        out, state = compute(*parts, state)
        outs.append(out)
    torch.testing.assert_close(torch.cat(outs, 1), whole, rtol=ROUNDED, atol=ROUNDED)
    torch.testing.assert_close(state, last, rtol=ROUNDED, atol=ROUNDED)


def assert_float32_is_as_good_as_its_numbers(compute: Compute, definition: Compute, exact: Sequence[Tensor]) -> None:
    """Of sums of 1000 products of normal numbers, of a size of 30, each is off by some 1e-7 of that."""
    rounded = [each.float() for each in exact]
    for found, expected in zip(compute(*rounded), definition(*(each.double() for each in rounded)), strict=True):
        assert (found.double() - expected).abs().max() < 3e-5 * expected.abs().max()


def assert_half_precision_sums_in_float32(
    compute: Compute, definition: Compute, given: Sequence[Tensor], zeros: Tensor
) -> None:
    """From inputs in bfloat16, and no state in front."""
    out, state = compute(*given)
    expected, last = definition(*(each.double() for each in given), zeros)
    assert (out.dtype, state.dtype) == (torch.bfloat16, torch.float32)
    torch.testing.assert_close(state.double(), last, rtol=1e-4, atol=1e-4)
    torch.testing.assert_close(out.double(), expected, rtol=2**-8, atol=1e-2)
