"""Recurrences of numbers against their definition."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor

from harness.modules.kernels import scan as kernel
from harness.modules.kernels.scan import reference, scan, selective


def inputs(tokens: int, strength: float = 1.0) -> list[Tensor]:
    generator = torch.Generator().manual_seed(tokens)

    def normal(*shape: int) -> Tensor:
        return torch.randn(shape, generator=generator, dtype=torch.float64)

    a = -strength * (normal(4, 3).abs() + 0.1)
    return [
        normal(2, tokens, 4),
        normal(2, tokens, 4).abs(),
        a,
        normal(2, tokens, 3),
        normal(2, tokens, 3),
        normal(2, 4, 3),
    ]


@pytest.mark.parametrize("elements", [1, 100, 1 << 22])
@pytest.mark.parametrize("strength", [0.0, 1.0, 50.0])
@pytest.mark.parametrize("tokens", [1, 2, 33])
def test_segments_give_what_the_definition_does(
    tokens: int, strength: float, elements: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(kernel, "ELEMENTS", elements)
    given = inputs(tokens, strength)
    with torch.no_grad():
        for found, expected in zip(selective(*given), reference(*given), strict=True):
            torch.testing.assert_close(found, expected, rtol=1e-10, atol=1e-10)


def test_gradients_are_those_of_the_definition() -> None:
    given = [each.requires_grad_() for each in inputs(17)]
    gradients = []
    for compute in (selective, reference):
        out, state = compute(*given)
        gradients.append(torch.autograd.grad(out.square().sum() + state.sin().sum(), given))
    torch.testing.assert_close(*gradients, rtol=1e-9, atol=1e-9)


def test_the_scan_has_right_gradients() -> None:
    generator = torch.Generator().manual_seed(0)
    a, b = (torch.rand(6, 2, 3, generator=generator, dtype=torch.float64).requires_grad_() for _ in range(2))
    first = torch.rand(2, 3, generator=generator, dtype=torch.float64).requires_grad_()
    assert torch.autograd.gradcheck(scan, (a, b, first))


@pytest.mark.parametrize("pieces", [[1] * 9, [4, 5]])
def test_a_state_goes_on(pieces: list[int]) -> None:
    x, dt, a, b, c, state = inputs(9)
    whole, last = selective(x, dt, a, b, c, state)
    outs = []
    for part in zip(*(each.split(pieces, 1) for each in (x, dt, b, c)), strict=True):
        out, state = selective(part[0], part[1], a, part[2], part[3], state)
        outs.append(out)
    torch.testing.assert_close(torch.cat(outs, 1), whole, rtol=1e-10, atol=1e-10)
    torch.testing.assert_close(state, last, rtol=1e-10, atol=1e-10)
