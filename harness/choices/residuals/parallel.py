"""Parallel sublayers: Wang and Komatsuzaki 2021 (GPT-J), https://github.com/kingoflolz/mesh-transformer-jax"""

from __future__ import annotations

from typing import TYPE_CHECKING

from harness.choices.base import Source
from harness.choices.residuals import Residual, residuals

if TYPE_CHECKING:
    from harness.choices.axes import Choices


class _Parallel(Residual):
    """x <- x + mixer(norm(x)) + mlp(norm(x)), and one more norm after the last block."""

    source = Source(
        "GPT-J-6B: A 6 Billion Parameter Autoregressive Language Model",
        "https://github.com/kingoflolz/mesh-transformer-jax",
    )


@residuals.register("parallel")
class Parallel(_Parallel):
    """x <- x + mixer(norm(x)) + mlp(norm(x)), both behind one norm (GPT-J, Phi, Falcon-7B, Cohere)."""

    kind = "parallel"

    def norms(self, layer: Choices) -> int:
        """One for both."""
        return 1


@residuals.register("parallel_two_norms")
class ParallelTwoNorms(_Parallel):
    """x <- x + mixer(norm(x)) + mlp(norm'(x)), each behind a norm of its own (GPT-NeoX, Falcon-40B)."""

    kind = "parallel_two_norms"
