"""No experts: Vaswani et al. 2017, https://arxiv.org/abs/1706.03762, section 3.3"""

from __future__ import annotations

from typing import TYPE_CHECKING

from harness.choices.base import Dims, Source
from harness.choices.experts import Experts, experts

if TYPE_CHECKING:
    from harness.choices.axes import Choices


@experts.register("none")
class NoExperts(Experts):
    """One MLP that every token goes through."""

    kind = "none"
    source = Source("Attention Is All You Need", "https://arxiv.org/abs/1706.03762")

    def params(self, dims: Dims, layer: Choices) -> int:
        """Those of the MLP."""
        return layer.mlp.params(dims)

    def flops(self, dims: Dims, layer: Choices, tokens: int) -> int:
        """Those of the MLP."""
        return layer.mlp.flops(dims, tokens)
