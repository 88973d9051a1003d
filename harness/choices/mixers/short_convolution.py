"""Gated short convolution: Liquid AI 2025 (LFM2), https://arxiv.org/abs/2511.23404"""

from __future__ import annotations

from typing import TYPE_CHECKING

from pydantic import PositiveInt

from harness.choices.base import Dims, Linear, Source
from harness.choices.mixers import Mixer, Pass, State, mixers

if TYPE_CHECKING:
    from harness.choices.axes import Choices


@mixers.register("short_convolution")
class ShortConvolution(Mixer):
    """out(c * convolution(b * x)), with b, c and x products of the token: a token sees a few before it, and no others.

    Attributes:
        taps: K, tokens that the convolution sees.
        bias: whether the products and the convolution have one.
    """

    kind = "short_convolution"
    source = Source("LFM2 Technical Report", "https://arxiv.org/abs/2511.23404")

    short = "short convolution"

    taps: PositiveInt
    bias: bool = False

    def projections(self, dims: Dims) -> tuple[Linear, Linear]:
        """The products that make b, c and x (together), and back onto the stream."""
        into = Linear(dims.hidden_size, 3 * dims.hidden_size, self.bias)
        return into, Linear(dims.hidden_size, dims.hidden_size, self.bias)

    def params(self, dims: Dims) -> int:
        """4 D^2, K D, and the biases."""
        linears = sum(linear.params for linear in self.projections(dims))
        return linears + dims.hidden_size * (self.taps + self.bias)

    def flops(self, dims: Dims, layer: Choices, p: Pass) -> int:
        """The products, and 2 K a channel."""
        linears = sum(linear.flops(p.new) for linear in self.projections(dims))
        return linears + p.new * 2 * dims.hidden_size * self.taps

    def state(self, dims: Dims, layer: Choices, n: int) -> State:
        """The last K inputs of the convolution, as the release keeps them."""
        return State(carried=dims.hidden_size * self.taps)
