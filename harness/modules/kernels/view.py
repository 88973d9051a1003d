"""What attention is told about the queries and keys of one layer."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from torch import Tensor

Bias = Callable[[Tensor, Tensor], Tensor]
"""What is added to the scores of queries at places [.., T] and keys at [.., S], [.., H, T, S]."""


@dataclass(frozen=True)
class View:
    """Where queries and keys stand, and how scores follow from their products.

    Attributes:
        queries: places of the queries, [T] or [B, T], ascending.
        keys: places of the keys, [S] or [B, S], in any order; those of padding lie below 0 and are never seen.
        context: how many leading tokens are context; a number, or one a sequence, [B].
        bias: gives what is added to the scores of any of the queries and keys; None for nothing.
        scale: what the scores are multiplied by; None for 1 / sqrt(C).
        softcap: if given, scores become softcap tanh(scores / softcap) before the bias and the mask.
        sinks: one more score for each head, which takes its share of the softmax, [H]; None for none.
        from_start: whether queries and keys both are the places 0, 1, ..., T - 1.
    """

    queries: Tensor
    keys: Tensor
    context: int | Tensor = 0
    bias: Bias | None = None
    scale: float | None = None
    softcap: float | None = None
    sinks: Tensor | None = None
    from_start: bool = False

    @property
    def padded(self) -> bool:
        """Whether the sequences of the batch begin in different columns."""
        return self.keys.dim() == 2

    @property
    def plain(self) -> bool:
        """Whether a score is a product and its scale, and the places are those of every sequence."""
        return not (self.padded or self.bias is not None or self.special)

    @property
    def special(self) -> bool:
        """Whether torch's kernels do not know how weights follow from scores."""
        return self.softcap is not None or self.sinks is not None
