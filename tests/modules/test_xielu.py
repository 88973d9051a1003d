"""xIELU against the formula of Huang and Schlag 2024, section 4."""

from __future__ import annotations

import math

import pytest
import torch

from harness.choices.base import Dims
from harness.choices.mlps.xielu import XIELU
from harness.factory import initialise
from harness.modules.mlps.xielu import XIELUMLP

DIMS = Dims(num_layers=1, hidden_size=4, vocab_size=8, max_seq_len=16)


def module(beta: float = 0.5) -> XIELUMLP:
    """With the numbers that training starts from."""
    made = XIELUMLP(XIELU(intermediate_size=8, bias=False, beta=beta), DIMS).double()
    initialise(made, torch.Generator().manual_seed(0))
    return made


@pytest.mark.parametrize("x", [-50.0, -1.0, -1e-9, 0.0, 1e-9, 0.5, 800.0])
def test_values_are_those_of_the_formula(x: float) -> None:
    expected = 0.8 * x * x + 0.5 * x if x > 0 else 0.8 * (math.expm1(x) - x) + 0.5 * x
    got = module().activation(torch.tensor([x], dtype=torch.float64)).item()
    assert got == pytest.approx(expected, rel=1e-12, abs=1e-15)  # softplus takes back a logarithm: some roundings


def test_gradients_are_finite_far_from_zero() -> None:
    x = torch.tensor([-1e4, 1e4], dtype=torch.float64, requires_grad=True)
    made = module()
    made.activation(x).sum().backward()
    for gradient in (x.grad, made.above.grad, made.below.grad):
        assert gradient is not None
        assert gradient.isfinite().all()


def test_the_lower_number_starts_above_beta() -> None:
    assert module(beta=2.0).below.isfinite().all()
