"""Sinusoidal positions: Vaswani et al. 2017, https://arxiv.org/abs/1706.03762, section 3.5"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Literal

from pydantic import NonNegativeInt, PositiveFloat

from harness.choices.base import Dims, Source
from harness.choices.positions import Position, positions

if TYPE_CHECKING:
    from harness.choices.axes import Choices


@positions.register("sinusoidal")
class Sinusoidal(Position):
    """Sine and cosine of place x theta^(-i / steps), i = 0 ... D/2 - 1, added to the token embedding; not learnt.

    Attributes:
        theta: base of the frequencies.
        steps: D/2 in the paper; D/2-1 in its released code, tensor2tensor, and in XGLM, where the slowest frequency
            is 1 / theta.
        layout: sine and cosine side by side (interleaved; the paper), or all sines, then all cosines (half_split).
        offset: the number of the first place.
    """

    kind = "sinusoidal"
    source = Source("Attention Is All You Need", "https://arxiv.org/abs/1706.03762")

    theta: PositiveFloat
    steps: Literal["D/2", "D/2-1"]
    layout: Literal["half_split", "interleaved"]
    offset: NonNegativeInt

    in_embedding = True

    def steps_in(self, dims: Dims) -> int:
        """Into how many steps a model of this width divides the way from 1 to 1 / theta."""
        return dims.hidden_size // 2 - (self.steps == "D/2-1")

    def problems(self, dims: Dims, choices: Choices) -> Iterator[tuple[str, str]]:
        """Every sine needs its cosine, and a way its steps."""
        if dims.hidden_size % 2 or self.steps_in(dims) < 1:
            yield "kind", f"sinusoidal needs an even hidden_size of 4 or more; found {dims.hidden_size}"
