"""Gated DeltaNet: Yang et al. 2024, https://arxiv.org/abs/2412.06464"""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import TYPE_CHECKING, Annotated

from pydantic import Field, PositiveFloat, PositiveInt

from harness.choices.base import Dims, Linear, Scaling, Source, unset
from harness.choices.mixers import Mixer, Pass, State, mixers

if TYPE_CHECKING:
    from harness.choices.axes import Choices
    from harness.choices.norms import Norm


@mixers.register("gated_delta")
class GatedDelta(Mixer):
    """A recurrence that corrects, by a share b, what its state gives for a key, and decays by a number a.

    Queries, keys and values go through one short convolution and SiLU; queries and keys have length 1, and queries are
    divided by sqrt(d). S_t = a S_{t-1} + k (b (v - a S_{t-1}^T k))^T, and S_t^T q is normalised and multiplied by SiLU
    of a gate. a = exp(-A softplus(.. + bias)) and b, a sigmoid, are numbers that each value head makes of a token.

    Attributes:
        num_heads: value heads M.
        num_key_heads: heads of queries and keys; left out, as many.
        key_dim: channels d of a key.
        value_dim: channels e of a value.
        taps: K, tokens that the convolution sees.
        negative: whether b is twice the sigmoid, so that a state may be turned over (OLMo hybrid).
        norm_eps: of the norm of what comes out, where it is not that of the layers.
    """

    kind = "gated_delta"
    source = Source("Gated Delta Networks: Improving Mamba2 with Delta Rule", "https://arxiv.org/abs/2412.06464")

    short = "Gated DeltaNet"
    recurrent = True

    num_heads: PositiveInt
    num_key_heads: PositiveInt | None = None
    key_dim: PositiveInt
    value_dim: PositiveInt
    taps: PositiveInt = 4
    negative: bool = False
    norm_eps: Annotated[PositiveFloat | None, Field(exclude_if=unset)] = None

    @property
    def key_heads(self) -> int:
        """Heads of queries and keys."""
        return self.num_key_heads or self.num_heads

    @property
    def keys(self) -> int:
        """Channels of all keys."""
        return self.key_heads * self.key_dim

    @property
    def values(self) -> int:
        """Channels of all values."""
        return self.num_heads * self.value_dim

    @property
    def convolved(self) -> int:
        """Channels of queries, keys and values together."""
        return 2 * self.keys + self.values

    def projections(self, dims: Dims) -> dict[str, Linear]:
        """The products, by what they make."""
        widths = {"query": self.keys, "key": self.keys, "value": self.values, "gate": self.values}
        numbers = dict.fromkeys(("beta", "decay"), self.num_heads)
        into = {name: Linear(dims.hidden_size, width) for name, width in {**widths, **numbers}.items()}
        return {**into, "out": Linear(self.values, dims.hidden_size)}

    def params(self, dims: Dims) -> int:
        """The products, the taps, and A and the bias of the decay, 2 M."""
        linears = sum(linear.params for linear in self.projections(dims).values())
        return linears + self.convolved * self.taps + 2 * self.num_heads

    def norm_params(self, norm: Norm, dims: Dims) -> int:
        """A gain a channel of a value, which the heads share."""
        return self.value_dim

    def flops(self, dims: Dims, layer: Choices, p: Pass) -> int:
        """The products, 2 K a convolved channel, and 6 M d e of the recurrence: looked up, corrected, and read.

        That the state decays is element-wise.
        """
        linears = sum(linear.flops(p.new) for linear in self.projections(dims).values())
        return linears + p.new * (2 * self.convolved * self.taps + 6 * self.values * self.key_dim)

    def state(self, dims: Dims, layer: Choices, n: int) -> State:
        """M d e of the recurrence, and the last K inputs of the convolution, as the release keeps them."""
        return State(carried=self.convolved * self.taps, precise=self.values * self.key_dim)

    def problems(self, dims: Dims, choices: Choices) -> Iterator[tuple[str, str]]:
        """Key heads divide the value heads."""
        if self.num_heads % self.key_heads:
            yield "num_key_heads", f"found {self.key_heads}, which does not divide num_heads {self.num_heads}"

    def settled(self, dims: Dims) -> GatedDelta:
        """Key heads written out."""
        return self.model_copy(update={"num_key_heads": self.key_heads})

    def scaled(self, scaling: Scaling) -> GatedDelta:
        """The same ratio of values to the hidden size, in heads of 16 channels at most, and of keys to values."""
        values = min(self.value_dim, 16)
        heads = max(1, scaling.width(self.values) // values)
        key_heads = math.gcd(heads, max(1, heads * self.key_heads // self.num_heads))
        changed = {
            "num_heads": heads,
            "num_key_heads": key_heads,
            "key_dim": max(1, self.key_dim * values // self.value_dim),
            "value_dim": values,
        }
        return self.model_copy(update=changed)
