"""Mamba: Gu and Dao 2023, https://arxiv.org/abs/2312.00752"""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Literal

from pydantic import Field, PositiveInt

from harness.choices.base import Dims, Linear, Scaling, Source, unset
from harness.choices.mixers import Mixer, Pass, State, mixers

if TYPE_CHECKING:
    from harness.choices.axes import Choices
    from harness.choices.norms import Norm


@mixers.register("mamba")
class Mamba(Mixer):
    """A short convolution, then a recurrence whose numbers decay each at a rate of its own, times dt of the token.

    Of x [I], convolved and with SiLU, B and C [N] and a dt a channel are products: h_t = exp(dt A) h_{t-1} + dt x B^T,
    y = h C + skip x, times SiLU of a gate.

    Attributes:
        inner_size: I.
        state_size: N numbers a channel.
        rank: R, the width from which dt is made.
        taps: K, tokens that the convolution sees.
        convolution_bias: whether it has a bias.
        bias: whether the products in and out have one.
        inner_norms: whether what dt is made from, B and C are normalised: without gains (plain; Falcon-Mamba), or with
            (gains; Jamba).
    """

    kind = "mamba"
    source = Source(
        "Mamba: Linear-Time Sequence Modeling with Selective State Spaces", "https://arxiv.org/abs/2312.00752"
    )

    short = "Mamba"
    recurrent = True

    inner_size: PositiveInt
    state_size: PositiveInt
    rank: PositiveInt
    taps: PositiveInt = 4
    convolution_bias: bool = True
    bias: bool = False
    inner_norms: Annotated[Literal["plain", "gains"] | None, Field(exclude_if=unset)] = None

    def projections(self, dims: Dims) -> dict[str, Linear]:
        """The products: into x and gate, of x what dt, B and C are made from, dt, and back onto the stream."""
        return {
            "into": Linear(dims.hidden_size, 2 * self.inner_size, self.bias),
            "parameters": Linear(self.inner_size, self.rank + 2 * self.state_size),
            "dt": Linear(self.rank, self.inner_size, bias=True),
            "out": Linear(self.inner_size, dims.hidden_size, self.bias),
        }

    def params(self, dims: Dims) -> int:
        """The products, I (K + 1), and A and skip, I N + I."""
        linears = sum(linear.params for linear in self.projections(dims).values())
        return linears + self.inner_size * (self.taps + self.convolution_bias + self.state_size + 1)

    def norm_params(self, norm: Norm, dims: Dims) -> int:
        """R + 2 N gains, where the norms have some."""
        return self.rank + 2 * self.state_size if self.inner_norms == "gains" else 0

    def flops(self, dims: Dims, layer: Choices, p: Pass) -> int:
        """The products, 2 K a channel, and 4 I N of the recurrence: what is added to the state, and read.

        That the numbers decay, and what skips them, are element-wise.
        """
        linears = sum(linear.flops(p.new) for linear in self.projections(dims).values())
        return linears + p.new * self.inner_size * (2 * self.taps + 4 * self.state_size)

    def state(self, dims: Dims, layer: Choices, n: int) -> State:
        """I N of the recurrence, and the last K inputs of the convolution, as the release keeps them."""
        return State(carried=self.inner_size * self.taps, precise=self.inner_size * self.state_size)

    def scaled(self, scaling: Scaling) -> Mamba:
        """The same ratios of I and R to the hidden size."""
        return self.model_copy(update={"inner_size": scaling.width(self.inner_size), "rank": scaling.width(self.rank)})

    def widened(self, factor: float) -> Mamba:
        """More channels."""
        return self.model_copy(update={"inner_size": max(1, round(factor * self.inner_size))})
