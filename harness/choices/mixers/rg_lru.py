"""RG-LRU in Griffin's recurrent block: De et al. 2024, https://arxiv.org/abs/2402.19427"""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import TYPE_CHECKING

from pydantic import PositiveInt

from harness.choices.base import Dims, Linear, Scaling, Source
from harness.choices.mixers import Mixer, Pass, State, mixers

if TYPE_CHECKING:
    from harness.choices.axes import Choices


@mixers.register("rg_lru")
class RGLRU(Mixer):
    """A short convolution, then a recurrence of one number a channel, which gates of the token let in and let decay.

    h_t = a_t h_{t-1} + sqrt(1 - a_t^2) i_t x_t, with a_t = exp(-8 r_t softplus(L)): i and r are sigmoids of products of
    x, L is trained, and the first token has no root before it. What comes out is multiplied by GELU of another product
    of the token.

    Attributes:
        width: W, channels of the recurrence.
        num_blocks: the products of i and r are block-diagonal, with so many blocks.
        taps: K, tokens that the convolution sees.
    """

    kind = "rg_lru"
    source = Source(
        "Griffin: Mixing Gated Linear Recurrences with Local Attention for Efficient Language Models",
        "https://arxiv.org/abs/2402.19427",
    )

    short = "RG-LRU"
    recurrent = True

    width: PositiveInt
    num_blocks: PositiveInt
    taps: PositiveInt = 4

    def projections(self, dims: Dims) -> dict[str, Linear]:
        """The products into both branches, and back onto the stream."""
        into = Linear(dims.hidden_size, self.width, bias=True)
        return {"into": into, "gate": into, "out": Linear(self.width, dims.hidden_size, bias=True)}

    @property
    def block(self) -> int:
        """Channels of a block."""
        return self.width // self.num_blocks

    def params(self, dims: Dims) -> int:
        """The products, W (K + 1), 2 W (W / blocks + 1) of the gates, and L."""
        linears = sum(linear.params for linear in self.projections(dims).values())
        return linears + self.width * (self.taps + 1 + 2 * (self.block + 1) + 1)

    def flops(self, dims: Dims, layer: Choices, p: Pass) -> int:
        """The products, those of the gates, and 2 K a channel.

        The recurrence itself multiplies and adds element by element and is not billed: some 3 W a token.
        """
        linears = sum(linear.flops(p.new) for linear in self.projections(dims).values())
        return linears + p.new * self.width * (4 * self.block + 2 * self.taps)

    def state(self, dims: Dims, layer: Choices, n: int) -> State:
        """W of the recurrence, and the last K - 1 inputs of the convolution, as the release keeps them."""
        return State(carried=self.width * (self.taps - 1), precise=self.width)

    def problems(self, dims: Dims, choices: Choices) -> Iterator[tuple[str, str]]:
        """Blocks divide the width."""
        if self.width % self.num_blocks:
            yield "num_blocks", f"found {self.num_blocks}, which does not divide width {self.width}"

    def scaled(self, scaling: Scaling) -> RGLRU:
        """The same ratio of the width to the hidden size, and as many blocks as divide it."""
        width = scaling.width(self.width)
        return self.model_copy(update={"width": width, "num_blocks": math.gcd(width, self.num_blocks)})
