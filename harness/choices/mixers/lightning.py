"""Lightning attention: Qin et al. 2024, https://arxiv.org/abs/2401.04658"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Annotated

from pydantic import Field, PositiveFloat, PositiveInt

from harness.choices.base import Dims, Linear, Scaling, Source, unset
from harness.choices.mixers import Mixer, Pass, State, mixers

if TYPE_CHECKING:
    from harness.choices.axes import Choices
    from harness.choices.norms import Norm

LEAST = 1e-5
"""What is left of the slopes in the last layer, as a share of those in the first."""


@mixers.register("lightning")
class Lightning(Mixer):
    """Linear attention whose state decays at a fixed rate, which each head has for itself.

    Queries, keys and values [H, C] are SiLU of products of the token: S_t = exp(-s) S_{t-1} + k v^T, and S_t^T q is
    normalised over all heads together, multiplied by a sigmoid of a gate, and projected back. The slope s of the h-th
    head of H is 2^(-8 h / H), in every layer or, with `by_depth`, times 1 - l / (L - 1) + 1e-5 in layer l of L, from 0.

    Attributes:
        num_heads: H.
        head_dim: channels C of a head; left out, the hidden size divided by the heads.
        by_depth: whether later layers forget more slowly (MiniMax-Text-01).
        norm_eps: of the norm of what comes out, where it is not that of the layers.
    """

    kind = "lightning"
    source = Source(
        "Lightning Attention-2: A Free Lunch for Handling Unlimited Sequence Lengths in Large Language Models",
        "https://arxiv.org/abs/2401.04658",
    )

    short = "lightning attention"
    recurrent = True

    num_heads: PositiveInt
    head_dim: PositiveInt | None = None
    by_depth: bool = True
    norm_eps: Annotated[PositiveFloat | None, Field(exclude_if=unset)] = None

    def channels(self, dims: Dims) -> int:
        """Channels of one head, C."""
        return self.head_dim or dims.hidden_size // self.num_heads

    def inner(self, dims: Dims) -> int:
        """Channels of all heads, H C."""
        return self.num_heads * self.channels(dims)

    def slopes(self, dims: Dims, layer: int) -> list[float]:
        """How much the logarithm of a state falls with each token in a layer, from 0; one number a head."""
        share = 1 - layer / max(dims.num_layers - 1, 1) + LEAST if self.by_depth else 1.0
        return [share * 2 ** (-8 * head / self.num_heads) for head in range(1, self.num_heads + 1)]

    def projections(self, dims: Dims) -> dict[str, Linear]:
        """The products, by what they make."""
        inner = self.inner(dims)
        into = {name: Linear(dims.hidden_size, inner) for name in ("query", "key", "value", "gate")}
        return {**into, "out": Linear(inner, dims.hidden_size)}

    def params(self, dims: Dims) -> int:
        """5 D H C; slopes are no parameters."""
        return sum(linear.params for linear in self.projections(dims).values())

    def norm_params(self, norm: Norm, dims: Dims) -> int:
        """A gain a channel, H C."""
        return self.inner(dims)

    def flops(self, dims: Dims, layer: Choices, p: Pass) -> int:
        """The products, and 4 H C^2 of the recurrence: what is added to the state, and read.

        That the state decays, and the gate, are element-wise.
        """
        linears = sum(linear.flops(p.new) for linear in self.projections(dims).values())
        return linears + p.new * 4 * self.inner(dims) * self.channels(dims)

    def state(self, dims: Dims, layer: Choices, n: int) -> State:
        """H C^2 of the recurrence."""
        return State(precise=self.inner(dims) * self.channels(dims))

    def problems(self, dims: Dims, choices: Choices) -> Iterator[tuple[str, str]]:
        """Heads divide the hidden size unless `head_dim` is given."""
        if self.head_dim is None and dims.hidden_size % self.num_heads:
            yield (
                "num_heads",
                f"found {self.num_heads}, which does not divide hidden_size {dims.hidden_size}, without head_dim",
            )

    def settled(self, dims: Dims) -> Lightning:
        """Channels written out."""
        return self.model_copy(update={"head_dim": self.channels(dims)})

    def scaled(self, scaling: Scaling) -> Lightning:
        """The same ratio of H C to the hidden size, in heads of 16 channels at most."""
        channels = min(self.channels(scaling.old), 16)
        heads = max(1, scaling.width(self.inner(scaling.old)) // channels)
        return self.model_copy(update={"num_heads": heads, "head_dim": channels})

    def widened(self, factor: float) -> Lightning:
        """More channels in each head, where those are given."""
        return self.model_copy(update={"head_dim": self.head_dim and max(1, round(factor * self.head_dim))})
