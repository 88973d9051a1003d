"""No attention: layers that Bercovich et al. 2024 (Puzzle) left with an MLP alone, https://arxiv.org/abs/2411.19146"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from pydantic import PositiveInt

from harness.choices.attention import Attention, attentions
from harness.choices.base import Dims, Source

if TYPE_CHECKING:
    from harness.choices.axes import Choices
    from harness.choices.norms import Norm


@attentions.register("none")
class NoAttention(Attention):
    """Nothing, and no norm in front of it: the block is x + mlp(norm(x)). The options of attention say nothing."""

    kind = "none"
    source = Source("Puzzle: Distillation-Based NAS for Inference-Optimized LLMs", "https://arxiv.org/abs/2411.19146")

    num_heads: PositiveInt = 1
    bias: bool = False

    attends = False

    def heads(self, dims: Dims) -> dict[str, int]:
        """None."""
        return {"query": 0, "key_value": 0, "channels": 0}

    def options(self) -> dict[str, object]:
        """The kind, and what was set though it says nothing."""
        return {"kind": self.kind, **self.model_dump(mode="json", exclude_defaults=True)}

    def settled(self, dims: Dims) -> NoAttention:
        """The kind alone."""
        return NoAttention()

    def params(self, dims: Dims) -> int:
        """None."""
        return 0

    def norm_params(self, norm: Norm, dims: Dims) -> int:
        """None."""
        return 0

    def flops(self, dims: Dims, tokens: int) -> int:
        """None."""
        return 0

    def flops_per_pair(self, dims: Dims) -> int:
        """None."""
        return 0

    def cached_scalars(self, dims: Dims) -> int:
        """None."""
        return 0

    def problems(self, dims: Dims, choices: Choices) -> Iterator[tuple[str, str]]:
        """Only a block whose norms stand in front of its sublayers can do without one of them."""
        if choices.residual.kind != "pre":
            yield "kind", f"found none with residual {choices.residual.kind}; expected residual pre"
        yield from super().problems(dims, choices)
