"""Linear functions: what is read, and the least-squares solution that answers are held against."""

from __future__ import annotations

import numpy as np
import pytest

from harness.tasks.synthetic.regression import LinearFunctions, least_squares

TASK = LinearFunctions(dimensions=4, pairs=9)


def rng(seed: int = 0) -> np.random.Generator:
    return np.random.default_rng(seed)


def test_examples_are_a_function_of_the_seed_and_lie_on_one_plane_a_sequence() -> None:
    points, values = TASK.examples(rng(), 50)
    assert (points.shape, values.shape) == ((50, 9, 4), (50, 9))
    again = TASK.examples(rng(), 50)
    assert (points == again[0]).all()
    assert (values == again[1]).all()
    assert (values != TASK.examples(rng(1), 50)[1]).all()
    for x, y in zip(points, values, strict=True):
        function = np.linalg.solve(x[:4], y[:4])
        assert x @ function == pytest.approx(y, rel=1e-6, abs=1e-6)


def test_points_and_values_are_standard_normal() -> None:
    """Means within five standard errors: of x^2 its variance is 2; of y^2, 2 d^2 + 4 d."""
    points, values = TASK.examples(rng(), 5000)
    assert (points[:, 0] ** 2).mean() == pytest.approx(1, abs=5 * (2 / 20000) ** 0.5)
    assert (values[:, 0] ** 2).mean() == pytest.approx(4, abs=5 * ((2 * 16 + 4 * 4) / 5000) ** 0.5)


def test_points_and_values_are_read_in_turn_and_the_last_value_is_not() -> None:
    points, values = TASK.examples(rng(), 3)
    vectors = TASK.read(points, values)
    assert vectors.shape == (3, 17, TASK.coordinates) == (3, 17, 6)
    assert (vectors[:, ::2, :4] == points).all()
    assert (vectors[:, 1::2, 4] == values[:, :-1]).all()
    assert not vectors[:, ::2, 4].any()
    assert not vectors[:, 1::2, :4].any()
    assert (vectors[:, :, 5] == 1).all()


def test_least_squares_is_numpys() -> None:
    points, values = TASK.examples(rng(), 20)
    found = least_squares(points, values)
    assert not found[:, 0].any()
    for x, y, predicted in zip(points, values, found, strict=True):
        for known in range(1, 9):
            solution = np.linalg.lstsq(x[:known], y[:known], rcond=None)[0]
            assert predicted[known] == pytest.approx(x[known] @ solution, rel=1e-9, abs=1e-9)


def test_least_squares_errs_by_what_is_unknown_and_from_d_pairs_on_not_at_all() -> None:
    """Of the d directions of w, k are known: the error is (d - k) / d of that of saying 0, within five errors."""
    points, values = TASK.examples(rng(), 5000)
    errors = (least_squares(points, values) - values) ** 2 / 4
    for known in range(4):
        assert errors[:, known].mean() == pytest.approx((4 - known) / 4, abs=5 * errors[:, known].std() / 5000**0.5)
    assert errors[:, 4:].max() < 1e-12
