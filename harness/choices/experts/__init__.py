"""How many networks stand in the place of a layer's MLP, and which of them a token goes through."""

from __future__ import annotations

from typing import TYPE_CHECKING

from harness.choices.base import Choice, Dims
from harness.registry import Registry

if TYPE_CHECKING:
    from harness.choices.axes import Choices


class Experts(Choice):
    """What the axis `mlp` says is one network; here is said how many there are, so that costs depend on both."""

    def params(self, dims: Dims, layer: Choices) -> int:
        """Trainable parameters of all of them, in scalars."""
        raise NotImplementedError

    def active_params(self, dims: Dims, layer: Choices) -> int:
        """Of these, the ones that one token uses."""
        return self.params(dims, layer)

    def flops(self, dims: Dims, layer: Choices, tokens: int) -> int:
        """FLOPs of matrix products over `tokens` tokens, 2 a multiply-add."""
        raise NotImplementedError


experts: Registry[type[Experts]] = Registry("experts", __name__)
