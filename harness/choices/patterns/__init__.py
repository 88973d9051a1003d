"""Which keys a query sees. Every pattern here is causal but for `prefix`, whose context is read both ways."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar, TypeVar

from harness.choices.base import Choice
from harness.registry import Registry

if TYPE_CHECKING:
    import torch

Index = TypeVar("Index", "int", "torch.Tensor")
"""A place in the sequence, from 0: one number, or an integer tensor that broadcasts against its partner."""


def triangle(n: int) -> int:
    """1 + 2 + ... + n, the pairs of a causal triangle of n tokens."""
    return n * (n + 1) // 2


class Pattern(Choice):
    """A predicate on (query, key) places, with the counts that follow from it in closed form.

    The predicates are written with `&`, `|` and comparisons only, so that they hold for ints and for tensors.

    Attributes:
        forgets: whether there are keys that no later query sees, so that a cache can drop them.
    """

    forgets: ClassVar[bool] = False

    def visible(self, q: Index, k: Index, context: Index | int = 0) -> Index:
        """Whether the query at place `q` sees the key at place `k`.

        Args:
            q: places of the queries.
            k: places of the keys.
            context: how many leading tokens are context, which a prefix pattern reads in both directions.
        """
        raise NotImplementedError

    def visible_pairs(self, n: int) -> int:
        """How many of the n^2 pairs are visible, with no bidirectional context."""
        raise NotImplementedError

    def kept(self, k: Index, n: int) -> Index:
        """Whether the key at place `k` is still seen by a query at place n - 1 or later: then a cache keeps it."""
        raise NotImplementedError

    def cached_keys(self, n: int) -> int:
        """Keys in the cache of a layer while token n (the query at place n - 1) is computed, its own included."""
        raise NotImplementedError

    def peak_keys(self, n: int) -> int:
        """The most keys that the cache of a layer holds while any token up to the n-th is computed."""
        return self.cached_keys(n)


patterns: Registry[type[Pattern]] = Registry("pattern", __name__)
