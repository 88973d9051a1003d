"""How a model is told where its tokens stand."""

from __future__ import annotations

from typing import ClassVar

from harness.choices.base import Choice, Dims
from harness.registry import Registry


class Position(Choice):
    """A position scheme. It may add to the embedding, rotate queries and keys, or shift the attention scores."""

    in_embedding: ClassVar[bool] = False
    """Whether it acts on the embedding: then it belongs to the whole model and no single block can set it."""

    dimensions: ClassVar[int] = 1
    """How many numbers tell it where one token stands."""

    @property
    def by_length(self) -> bool:
        """Whether what is computed for a token depends on how many tokens there are in the call and before it.

        Keys that lie in a cache then have the positions of the sequence as it was.
        """
        return False

    def params(self, dims: Dims) -> int:
        """Trainable parameters, in scalars."""
        return 0

    def length_limit(self, dims: Dims) -> int | None:
        """The longest sequence that can be computed at all; None where there is no hard limit."""
        return None


positions: Registry[type[Position]] = Registry("position", __name__)
