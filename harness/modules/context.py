"""How much of a sequence is context: told by the caller, or found from the tokens as ChatGLM-6B's release does."""

from __future__ import annotations

from dataclasses import dataclass

from torch import Tensor

from harness.errors import HarnessError
from harness.spec.model import ContextTokens

ADVICE = "pass context=, the number of leading tokens that are read in both directions (0 for none)"


@dataclass(frozen=True)
class Context:
    """The context of each sequence of a batch.

    Attributes:
        length: leading tokens that are context; a number, or one a sequence, [B].
        mask: place of the mask that the rest fills, one a sequence, [B]; None for the last of the context.
    """

    length: int | Tensor = 0
    mask: Tensor | None = None

    def rows(self, index: Tensor) -> Context:
        """Of these sequences of the batch, [B']."""
        length = self.length if isinstance(self.length, int) else self.length[index]
        return Context(length, None if self.mask is None else self.mask[index])


def find_context(tokens: ContextTokens | None, input_ids: Tensor, padding: Tensor | None) -> Context:
    """The context ends where the first start token stands, and the rest fills the first mask of the preferred kind.

    Args:
        tokens: the numbers of those tokens; None where they are not known.
        input_ids: [B, T], of whole sequences.
        padding: how many columns stand in front of each sequence, [B]; None for none.

    Raises:
        HarnessError: the tokens are not known, or a sequence lacks them.
    """
    if tokens is None or input_ids.is_floating_point():
        raise HarnessError(f"which tokens end a context is not known; {ADVICE}")
    length = _first(input_ids, [tokens.start], "that starts what follows a context")
    mask = _first(input_ids, tokens.masks, "for a mask")
    return Context(length, mask) if padding is None else Context(length - padding, mask - padding)


def _first(input_ids: Tensor, wanted: list[int], what: str) -> Tensor:
    """The column of the first such token, of the first of them that a sequence has, [B]."""
    column = input_ids.new_full((len(input_ids),), -1)
    for token in wanted:
        here = input_ids == token
        column = column.where((column >= 0) | ~here.any(dim=1), here.int().argmax(dim=1))
    for row, place in enumerate(column.tolist()):
        if place < 0:
            names = " or ".join(map(str, wanted))
            raise HarnessError(f"sequence {row} of the batch has no token {what} ({names}); {ADVICE}")
    return column
