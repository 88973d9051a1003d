"""Kimi delta attention: Kimi Team 2025, https://arxiv.org/abs/2510.26692"""

from __future__ import annotations

from typing import TYPE_CHECKING

from pydantic import PositiveInt

from harness.choices.base import Dims, Linear, Scaling, Source
from harness.choices.mixers import Mixer, Pass, State, mixers

if TYPE_CHECKING:
    from harness.choices.axes import Choices
    from harness.choices.norms import Norm


@mixers.register("kimi_delta")
class KimiDelta(Mixer):
    """The gated delta rule, with a decay for each channel of the keys in place of one for each head.

    Queries, keys and values go through one short convolution and SiLU; queries and keys have length 1, and queries are
    divided by sqrt(C). S' = diag(a_t) S_{t-1}, S_t = S' + k (b (v - S'^T k))^T, and S_t^T q is normalised and
    multiplied by a sigmoid of a gate. log a = -A softplus(.. + bias), where A is a number a head and the rest is made
    of the token through a narrow product, as the gate is; b is a sigmoid.

    Attributes:
        num_heads: M.
        head_dim: channels C of a head's query, key and value, and of the narrow products.
        taps: K, tokens that the convolution sees.
    """

    kind = "kimi_delta"
    source = Source("Kimi Linear: An Expressive, Efficient Attention Architecture", "https://arxiv.org/abs/2510.26692")

    short = "KDA"
    recurrent = True

    num_heads: PositiveInt
    head_dim: PositiveInt
    taps: PositiveInt = 4

    @property
    def inner(self) -> int:
        """Channels of all heads."""
        return self.num_heads * self.head_dim

    def projections(self, dims: Dims) -> dict[str, Linear]:
        """The products, by what they make."""
        into, narrow = Linear(dims.hidden_size, self.inner), Linear(dims.hidden_size, self.head_dim)
        wide = Linear(self.head_dim, self.inner)
        return {
            **dict.fromkeys(("query", "key", "value"), into),
            "beta": Linear(dims.hidden_size, self.num_heads),
            **{"decay_down": narrow, "decay": wide, "gate_down": narrow, "gate": wide},
            "out": Linear(self.inner, dims.hidden_size),
        }

    def params(self, dims: Dims) -> int:
        """The products, 3 K M C of the convolution, a bias a channel of the decays, and A."""
        linears = sum(linear.params for linear in self.projections(dims).values())
        return linears + self.inner * (3 * self.taps + 1) + self.num_heads

    def norm_params(self, norm: Norm, dims: Dims) -> int:
        """A gain a channel of a head, which the heads share."""
        return self.head_dim

    def flops(self, dims: Dims, layer: Choices, p: Pass) -> int:
        """The products, 6 K M C, and 6 M C^2 of the recurrence: looked up, corrected, and read.

        That the state decays is element-wise.
        """
        linears = sum(linear.flops(p.new) for linear in self.projections(dims).values())
        return linears + p.new * 6 * self.inner * (self.taps + self.head_dim)

    def state(self, dims: Dims, layer: Choices, n: int) -> State:
        """M C^2 of the recurrence, and the last K inputs of the convolution, as the release keeps them."""
        return State(carried=3 * self.inner * self.taps, precise=self.inner * self.head_dim)

    def scaled(self, scaling: Scaling) -> KimiDelta:
        """The same ratio of the heads to the hidden size, in heads of 16 channels at most."""
        channels = min(self.head_dim, 16)
        heads = max(1, scaling.width(self.inner) // channels)
        return self.model_copy(update={"num_heads": heads, "head_dim": channels})
