"""How tokens become vectors."""

from __future__ import annotations

from harness.choices.base import Choice
from harness.registry import Registry


class Embedding(Choice):
    """A table of token vectors and what is done to a vector before the first block."""

    @property
    def norms(self) -> int:
        """Norms between the table and the first block."""
        return 0


embeddings: Registry[type[Embedding]] = Registry("embedding", __name__)
