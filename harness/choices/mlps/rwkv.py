"""RWKV-4's channel mixing: Peng et al. 2023, https://arxiv.org/abs/2305.13048"""

from __future__ import annotations

from pydantic import PositiveInt

from harness.choices.base import Dims, Linear, Scaling, Source
from harness.choices.mixers import State
from harness.choices.mlps import MLP, mlps


@mlps.register("rwkv")
class ChannelMixing(MLP):
    """sigmoid(receptance) * value(max(0, key)^2).

    Keys and receptance are products of what lies between a token and the one before it, by trained shares of the
    channels: the one MLP that looks at another token, and so keeps one.

    Attributes:
        intermediate_size: width F of the keys.
    """

    kind = "rwkv"
    source = Source("RWKV: Reinventing RNNs for the Transformer Era", "https://arxiv.org/abs/2305.13048")

    intermediate_size: PositiveInt

    def projections(self, dims: Dims) -> dict[str, Linear]:
        """The products, by what they make."""
        return {
            "key": Linear(dims.hidden_size, self.intermediate_size),
            "receptance": Linear(dims.hidden_size, dims.hidden_size),
            "value": Linear(self.intermediate_size, dims.hidden_size),
        }

    def params(self, dims: Dims) -> int:
        """The products, 2 D F + D^2, and the shares of the token before, 2 D."""
        return sum(linear.params for linear in self.projections(dims).values()) + 2 * dims.hidden_size

    def flops(self, dims: Dims, tokens: int) -> int:
        """4 D F + 2 D^2 a token; that it is mixed with the one before is element-wise."""
        return sum(linear.flops(tokens) for linear in self.projections(dims).values())

    def state(self, dims: Dims) -> State:
        """The token before, D."""
        return State(carried=dims.hidden_size)

    def widened(self, factor: float) -> ChannelMixing:
        """F times the factor, at least 1."""
        return self.model_copy(update={"intermediate_size": max(1, round(factor * self.intermediate_size))})

    def scaled(self, scaling: Scaling) -> ChannelMixing:
        """The same ratio of F to D."""
        return self.model_copy(update={"intermediate_size": scaling.width(self.intermediate_size)})
