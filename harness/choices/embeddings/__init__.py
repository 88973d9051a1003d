"""How tokens become vectors."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field, PositiveInt

from harness.choices.base import Choice, Dims, unset
from harness.registry import Registry


class Embedding(Choice):
    """A table of token vectors and what is done to a vector before the first block."""

    width: Annotated[PositiveInt | None, Field(exclude_if=unset)] = None
    """Channels of a row of the table, where they are not those of the model."""

    @property
    def norms(self) -> int:
        """Norms between the table and the first block."""
        return 0

    def params(self, dims: Dims) -> int:
        """Trainable parameters, in scalars, but for the norms."""
        raise NotImplementedError

    def flops(self, dims: Dims, tokens: int) -> int:
        """FLOPs of matrix products over `tokens` tokens, 2 a multiply-add."""
        return 0


embeddings: Registry[type[Embedding]] = Registry("embedding", __name__)
