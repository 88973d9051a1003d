"""Multi-token prediction: what, in training, predicts tokens beyond the next from the last hidden states.

It is no part of the model that is released to be used: its costs are told beside those of the rest, never in them.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from harness.choices.base import Choice, Dims
from harness.registry import Registry

if TYPE_CHECKING:
    from harness.choices.axes import Choices


class MTP(Choice):
    """How many further tokens are predicted, and by what. The layers in it are as the model's last one."""

    @property
    def depth(self) -> int:
        """How many tokens beyond the next are predicted; each takes one more layer."""
        raise NotImplementedError

    def params(self, dims: Dims, last: Choices) -> int:
        """Trainable parameters for all of them, in scalars, but for those of their layers."""
        raise NotImplementedError

    def flops(self, dims: Dims, tokens: int) -> int:
        """FLOPs of what joins hidden states and embeddings of `tokens` tokens, 2 a multiply-add."""
        raise NotImplementedError


mtp: Registry[type[MTP]] = Registry("mtp", __name__)
