"""In-context linear regression: every sequence has a linear function of its own, and shows it at random points.

A function is y = w x, with w and all x drawn from the standard normal distribution in d dimensions; there is no noise.
After Garg et al. 2022, https://arxiv.org/abs/2208.01066, section 3.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Reals = NDArray[np.float64]


@dataclass(frozen=True)
class LinearFunctions:
    """The task.

    Attributes:
        dimensions: of x, d.
        pairs: of x and y in a sequence, P; each y is asked for behind the pairs before it.
    """

    dimensions: int
    pairs: int

    @property
    def coordinates(self) -> int:
        """Of what a model reads, V: those of x, then y, then a one that stands in for a bias."""
        return self.dimensions + 2

    def examples(self, rng: np.random.Generator, batch: int) -> tuple[Reals, Reals]:
        """Points and the value at each: [batch, P, d] and [batch, P]."""
        functions = rng.standard_normal((batch, self.dimensions, 1))
        points = rng.standard_normal((batch, self.pairs, self.dimensions))
        return points, (points @ functions)[..., 0]

    def read(self, points: Reals, values: Reals) -> Reals:
        """Points and values in turn, without the last value, as vectors to be read: [batch, 2 P - 1, V]."""
        vectors = np.zeros((len(points), 2 * self.pairs, self.coordinates))
        vectors[:, ::2, : self.dimensions] = points
        vectors[:, 1::2, self.dimensions] = values
        vectors[:, :, -1] = 1
        return vectors[:, :-1]


def least_squares(points: Reals, values: Reals) -> Reals:
    """Each value told from the pairs before it by least squares, [batch, P].

    Fewer pairs than dimensions leave many solutions; the one of the smallest norm is taken, which is the posterior
    mean of w. So no predictor has a smaller mean squared error.
    """
    predicted = [
        np.einsum("bd,bdk,bk->b", points[:, k], np.linalg.pinv(points[:, :k]), values[:, :k])
        for k in range(values.shape[1])
    ]
    return np.stack(predicted, axis=1)
