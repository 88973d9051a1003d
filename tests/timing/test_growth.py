"""Laws of growth that are known are found, and what is undecided is told as such."""

from __future__ import annotations

import math
import random

import pytest

from harness.growth import LAWS, exponent, exponents, fitted

LENGTHS = [256, 384, 512, 768, 1024, 1536, 2048, 3072, 4096, 8192, 16384]


@pytest.mark.parametrize("law", LAWS)
@pytest.mark.parametrize("constant", [0.0, 3.0])
@pytest.mark.parametrize("linear", [0.0, 0.5])
def test_an_exact_law_is_found(law: str, constant: float, linear: float) -> None:
    unit = LAWS[law](LENGTHS[0])
    found = fitted({n: constant + linear * n / LENGTHS[0] + 2.0 * LAWS[law](n) / unit for n in LENGTHS})
    assert found.plausible == [law]
    assert found.constant == pytest.approx(constant, abs=1e-6)
    assert found.factor * unit == pytest.approx(2.0 + linear if law == "n" else 2.0)


def test_lower_terms_of_counts_may_be_negative() -> None:
    """A band of w keys shows w n - w (w - 1) / 2 pairs."""
    found = fitted({n: 128 * n - 128 * 127 / 2 for n in LENGTHS}, counted=True)
    assert (found.plausible, found.factor) == (["n"], pytest.approx(128))
    assert found.constant == pytest.approx(-128 * 127 / 2)


@pytest.mark.parametrize("law", LAWS)
def test_a_noisy_law_is_hardly_ever_ruled_out(law: str) -> None:
    """By chance it may be: the criterion takes it for 20 times less plausible than another in one run of 20 at most."""
    ruled_out = 0
    for seed in range(200):
        draw = random.Random(seed)
        found = fitted({n: LAWS[law](n) * draw.lognormvariate(0, 0.02) for n in LENGTHS})
        ruled_out += law not in found.plausible
    assert ruled_out <= 200 / 20


def test_a_quadratic_cost_with_a_linear_part_is_not_taken_for_a_lesser_law() -> None:
    for seed in range(50):
        draw = random.Random(seed)
        costs = {n: (3000 * n + n**2) * draw.lognormvariate(0, 0.01) for n in LENGTHS}
        assert fitted(costs).plausible == ["n\N{SUPERSCRIPT TWO}"]


def test_what_the_lengths_cannot_tell_apart_is_undecided() -> None:
    draw = random.Random(0)
    costs = {n: n * math.log2(n) * draw.lognormvariate(0, 0.05) for n in LENGTHS[:7]}
    assert len(fitted(costs).plausible) > 1


@pytest.mark.parametrize("slope", [0.01, 0.0, -0.02])
def test_a_cost_that_hardly_grows_is_undecided(slope: float) -> None:
    """As where calling the kernels takes all the time."""
    assert fitted({n: 1 + slope * n / 4096 for n in LENGTHS[:9]}).plausible == list(LAWS)


def test_parts_of_a_time_are_never_negative() -> None:
    found = fitted({n: n**2.2 for n in LENGTHS})
    assert (found.constant, found.linear) == (0.0, 0.0)


def test_too_few_lengths_are_refused() -> None:
    with pytest.raises(ValueError, match="found 5 lengths"):
        fitted({n: float(n) for n in LENGTHS[:5]})


@pytest.mark.parametrize("power", [1.0, 1.5, 2.0])
def test_the_exponent_of_a_power(power: float) -> None:
    costs = {n: 5 * n**power for n in LENGTHS}
    assert exponent(costs) == pytest.approx(power)
    found = exponents([costs, {n: cost * math.e for n, cost in costs.items()}])
    assert (found.low, found.high) == (pytest.approx(power), pytest.approx(power))


def test_the_exponent_is_that_of_the_longest_lengths() -> None:
    assert exponent({n: float(n) if n < 4096 else n * n / 4096 for n in LENGTHS}) == pytest.approx(2.0)
