"""RWKV-4's time mixing: Peng et al. 2023, https://arxiv.org/abs/2305.13048"""

from __future__ import annotations

from typing import TYPE_CHECKING

from pydantic import PositiveInt

from harness.choices.base import Dims, Linear, Scaling, Source
from harness.choices.mixers import Mixer, Pass, State, mixers

if TYPE_CHECKING:
    from harness.choices.axes import Choices


@mixers.register("rwkv")
class RWKV(Mixer):
    """In each channel a mean of the values so far, whose weights fall by a trained rate w with every token.

    Keys, values and receptance are products of what lies between a token and the one before it, by trained shares of
    the channels. y_t = sum_i e^(p_i) v_i / sum_i e^(p_i) with p_t = k_t + u for a trained bonus u, and for earlier
    tokens p_i = k_i - (t - 1 - i) w; times a sigmoid of the receptance, it goes back onto the stream.

    Attributes:
        inner_size: I, channels of keys, values and receptance.
    """

    kind = "rwkv"
    source = Source("RWKV: Reinventing RNNs for the Transformer Era", "https://arxiv.org/abs/2305.13048")

    short = "RWKV"
    recurrent = True

    inner_size: PositiveInt

    def projections(self, dims: Dims) -> dict[str, Linear]:
        """The products, by what they make."""
        into = dict.fromkeys(("key", "value", "receptance"), Linear(dims.hidden_size, self.inner_size))
        return {**into, "out": Linear(self.inner_size, dims.hidden_size)}

    def params(self, dims: Dims) -> int:
        """The products, 4 D I, the shares of the token before, 3 D, and w and u, 2 I."""
        linears = sum(linear.params for linear in self.projections(dims).values())
        return linears + 3 * dims.hidden_size + 2 * self.inner_size

    def flops(self, dims: Dims, layer: Choices, p: Pass) -> int:
        """The products alone: each channel is mixed with the token before and averaged for itself, element-wise."""
        return sum(linear.flops(p.new) for linear in self.projections(dims).values())

    def state(self, dims: Dims, layer: Choices, n: int) -> State:
        """The token before, D, and of each channel both sums and the highest of their exponents, 3 I."""
        return State(carried=dims.hidden_size, precise=3 * self.inner_size)

    def scaled(self, scaling: Scaling) -> RWKV:
        """The same ratio of I to D."""
        return self.model_copy(update={"inner_size": scaling.width(self.inner_size)})

    def widened(self, factor: float) -> RWKV:
        """More channels."""
        return self.model_copy(update={"inner_size": max(1, round(factor * self.inner_size))})
