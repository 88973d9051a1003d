"""Parallel sublayers: Wang and Komatsuzaki 2021 (GPT-J), https://github.com/kingoflolz/mesh-transformer-jax"""

from harness.choices.base import Source
from harness.choices.residuals import Residual, residuals


class _Parallel(Residual):
    """x <- x + attention(norm(x)) + mlp(norm(x)), and one more norm after the last block."""

    source = Source(
        "GPT-J-6B: A 6 Billion Parameter Autoregressive Language Model",
        "https://github.com/kingoflolz/mesh-transformer-jax",
    )

    final_norms = 1


@residuals.register("parallel")
class Parallel(_Parallel):
    """x <- x + attention(norm(x)) + mlp(norm(x)), both behind one norm (GPT-J, Phi, Falcon-7B, Cohere)."""

    kind = "parallel"

    norms_per_block = 1


@residuals.register("parallel_two_norms")
class ParallelTwoNorms(_Parallel):
    """x <- x + attention(norm(x)) + mlp(norm'(x)), each behind a norm of its own (GPT-NeoX, Falcon-40B)."""

    kind = "parallel_two_norms"

    norms_per_block = 2
