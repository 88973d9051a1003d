"""Laws of growth that are known are found."""

from __future__ import annotations

import math
import random

import pytest

from harness.growth import LAWS, exponent, exponents, fitted

LENGTHS = [256 << power for power in range(7)]


@pytest.mark.parametrize("law", LAWS)
@pytest.mark.parametrize("constant", [0.0, 3.0])
def test_an_exact_law_is_found(law: str, constant: float) -> None:
    unit = LAWS[law](LENGTHS[0])
    found = fitted({n: constant + 2.0 * LAWS[law](n) / unit for n in LENGTHS})
    assert found.law == law
    assert found.constant == pytest.approx(constant, abs=1e-6)
    assert found.factor * unit == pytest.approx(2.0)


@pytest.mark.parametrize("law", LAWS)
def test_a_noisy_law_is_found(law: str) -> None:
    draw = random.Random(0)
    found = fitted({n: LAWS[law](n) * draw.lognormvariate(0, 0.02) for n in LENGTHS})
    assert found.law == law


def test_a_constant_part_is_never_negative() -> None:
    assert fitted({n: n**2.2 for n in LENGTHS}).constant == 0.0


def test_too_few_lengths_are_refused() -> None:
    with pytest.raises(ValueError, match="found 4 lengths"):
        fitted({n: float(n) for n in LENGTHS[:4]})


@pytest.mark.parametrize("power", [1.0, 1.5, 2.0])
def test_the_exponent_of_a_power(power: float) -> None:
    costs = {n: 5 * n**power for n in LENGTHS}
    assert exponent(costs, LENGTHS[0]) == pytest.approx(power)
    found = exponents([costs, {n: cost * math.e for n, cost in costs.items()}], LENGTHS[2])
    assert (found.low, found.high) == (pytest.approx(power), pytest.approx(power))
