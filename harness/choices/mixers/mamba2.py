"""Mamba-2: Dao and Gu 2024, https://arxiv.org/abs/2405.21060"""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import TYPE_CHECKING, Annotated

from pydantic import BaseModel, ConfigDict, Field, PositiveFloat, PositiveInt

from harness.choices.base import Dims, Linear, Scaling, Source, unset
from harness.choices.mixers import Mixer, Pass, State, mixers

if TYPE_CHECKING:
    from harness.choices.axes import Choices
    from harness.choices.norms import Norm


class Factors(BaseModel):
    """Fixed numbers by which the parts of the product into the layer, its bias included, are multiplied."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)

    gate: PositiveFloat
    x: PositiveFloat
    b: PositiveFloat
    c: PositiveFloat
    dt: PositiveFloat


@mixers.register("mamba2")
class Mamba2(Mixer):
    """A short convolution, then a recurrence whose state decays by a number that each head makes of each token.

    Of x [M, P], B and C [G, N] and dt [M], which are products of the token, the first three convolved and with SiLU:
    S_t = exp(dt A) S_{t-1} + B (dt x)^T, y = C^T S_t + skip x, times SiLU of a gate, and normalised. The inner width I
    is M P.

    Attributes:
        num_heads: M.
        head_dim: channels P of a head.
        state_size: rows N of a head's state.
        groups: G, each with a B and a C that M / G heads share.
        taps: K, tokens that the convolution sees.
        convolution_bias: whether it has a bias.
        bias: whether the products in and out have one.
        norm_groups: in how many parts the I channels are normalised, each for itself, and then multiplied by gains;
            left out, there is no norm (Falcon-H1).
        dt_min: what dt is at least, if given (Nemotron-H).
        norm_first: whether the norm comes in front of the gate (Falcon-H1's option).
        factors: if given, what gate, x, B, C and dt are multiplied by in front of the convolution (Falcon-H1).
    """

    kind = "mamba2"
    source = Source(
        "Transformers are SSMs: Generalized Models and Efficient Algorithms Through Structured State Space Duality",
        "https://arxiv.org/abs/2405.21060",
    )

    short = "Mamba-2"
    recurrent = True

    num_heads: PositiveInt
    head_dim: PositiveInt
    state_size: PositiveInt
    groups: PositiveInt = 1
    taps: PositiveInt = 4
    convolution_bias: bool = True
    bias: bool = False
    norm_groups: PositiveInt | None = 1
    norm_first: bool = False
    dt_min: Annotated[float | None, Field(gt=0, le=0.25, exclude_if=unset)] = None
    factors: Annotated[Factors | None, Field(exclude_if=unset)] = None

    @property
    def inner(self) -> int:
        """I = M P."""
        return self.num_heads * self.head_dim

    @property
    def convolved(self) -> int:
        """Channels of x, B and C together, I + 2 G N."""
        return self.inner + 2 * self.groups * self.state_size

    def projections(self, dims: Dims) -> tuple[Linear, Linear]:
        """The products that make gate, x, B, C and dt (together), and back onto the stream."""
        into = Linear(dims.hidden_size, self.inner + self.convolved + self.num_heads, self.bias)
        return into, Linear(self.inner, dims.hidden_size, self.bias)

    def params(self, dims: Dims) -> int:
        """D (2 I + 2 G N + M) + I D, (I + 2 G N) (K + 1), and A, skip and the bias of dt, 3 M."""
        linears = sum(linear.params for linear in self.projections(dims))
        return linears + self.convolved * (self.taps + self.convolution_bias) + 3 * self.num_heads

    def norm_params(self, norm: Norm, dims: Dims) -> int:
        """A gain a channel, I, where there is a norm."""
        return self.inner if self.norm_groups else 0

    def flops(self, dims: Dims, layer: Choices, p: Pass) -> int:
        """The products, 2 K a convolved channel, and 4 M P N of the recurrence: what is added to the state, and read.

        That the state decays, what skips it, and the factors are element-wise.
        """
        linears = sum(linear.flops(p.new) for linear in self.projections(dims))
        return linears + p.new * (2 * self.convolved * self.taps + 4 * self.inner * self.state_size)

    def state(self, dims: Dims, layer: Choices, n: int) -> State:
        """M P N of the recurrence, and the last K inputs of the convolution, as the release keeps them."""
        return State(carried=self.convolved * self.taps, precise=self.inner * self.state_size)

    def problems(self, dims: Dims, choices: Choices) -> Iterator[tuple[str, str]]:
        """Groups divide the heads, and those of the norm the channels."""
        if self.num_heads % self.groups:
            yield "groups", f"found {self.groups}, which does not divide num_heads {self.num_heads}"
        if self.norm_groups and self.inner % self.norm_groups:
            yield "norm_groups", f"found {self.norm_groups}, which does not divide {self.inner} channels"
        if self.norm_first and not self.norm_groups:
            yield "norm_first", "found true without a norm; expected false"

    def settled(self, dims: Dims) -> Mamba2:
        """No factors where all are 1."""
        idle = self.factors is not None and all(factor == 1.0 for _, factor in self.factors)
        return self.model_copy(update={"factors": None}) if idle else self

    def scaled(self, scaling: Scaling) -> Mamba2:
        """The same ratio of I to D, in heads of 16 channels or as many as there are, and at most 16 rows of state."""
        channels = min(self.head_dim, 16)
        heads = max(1, scaling.width(self.inner) // channels)
        groups = math.gcd(self.groups, heads)
        changed = {
            "num_heads": heads,
            "head_dim": channels,
            "state_size": min(self.state_size, 16),
            "groups": groups,
            "norm_groups": self.norm_groups and math.gcd(self.norm_groups, heads),
        }
        return self.model_copy(update=changed)

    def widened(self, factor: float) -> Mamba2:
        """More channels in each head."""
        return self.model_copy(update={"head_dim": max(1, round(factor * self.head_dim))})
