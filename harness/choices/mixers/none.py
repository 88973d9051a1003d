"""No mixer: layers that Bercovich et al. 2024 (Puzzle) left with an MLP alone, https://arxiv.org/abs/2411.19146"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from harness.choices.base import Dims, Source
from harness.choices.mixers import Mixer, mixers

if TYPE_CHECKING:
    from harness.choices.axes import Choices


@mixers.register("none")
class NoMixer(Mixer):
    """Nothing, and no norm in front of it: the block is x + mlp(norm(x))."""

    kind = "none"
    source = Source("Puzzle: Distillation-Based NAS for Inference-Optimized LLMs", "https://arxiv.org/abs/2411.19146")

    short = "-"
    present = False

    def problems(self, dims: Dims, choices: Choices) -> Iterator[tuple[str, str]]:
        """See `harness.choices.residuals.Residual.without`."""
        yield from choices.residual.without("mixer")
