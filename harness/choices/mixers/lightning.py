"""Lightning attention: Qin et al. 2024, https://arxiv.org/abs/2405.17381"""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

from pydantic import Field, PositiveFloat, PositiveInt

from harness.choices.base import Dims, Linear, Scaling, Source, unset
from harness.choices.mixers import Mixer, Pass, State, mixers

if TYPE_CHECKING:
    from harness.choices.axes import Choices
    from harness.choices.norms import Norm


@mixers.register("lightning")
class Lightning(Mixer):
    """Linear attention whose state decays by a number that is fixed for each head, and the less the deeper the layer.

    Queries, keys and values go through SiLU. S_t = a S_{t-1} + k v^T, and S_t^T q, normalised over all heads, is
    multiplied by a sigmoid of a product with the token. -log a = 2^(-8h / M) (1 - l / (L - 1)) of head h = 1 .. M in
    layer l = 0 .. L - 1, but for a little that keeps the last layer from forgetting nothing; as in MiniMax-01,
    https://arxiv.org/abs/2501.08313, section 2.2.

    Attributes:
        num_heads: M.
        head_dim: channels C of a head; left out, the hidden size divided by the heads.
        norm_eps: of the norm of what comes out, where it is not that of the layers.
    """

    kind = "lightning"
    source = Source("Various Lengths, Constant Speed: Lightning Attention", "https://arxiv.org/abs/2405.17381")

    short = "lightning attention"
    recurrent = True

    num_heads: PositiveInt
    head_dim: PositiveInt | None = None
    norm_eps: Annotated[PositiveFloat | None, Field(exclude_if=unset)] = None

    def channels(self, dims: Dims) -> int:
        """Channels of a head, C."""
        return self.head_dim or max(1, dims.hidden_size // self.num_heads)

    def inner(self, dims: Dims) -> int:
        """Channels of all heads."""
        return self.num_heads * self.channels(dims)

    def projections(self, dims: Dims) -> dict[str, Linear]:
        """The products, by what they make."""
        into = Linear(dims.hidden_size, self.inner(dims))
        return {**dict.fromkeys(("query", "key", "value", "gate"), into), "out": Linear(into.d_out, into.d_in)}

    def params(self, dims: Dims) -> int:
        """5 D M C: decays are not trained."""
        return sum(linear.params for linear in self.projections(dims).values())

    def norm_params(self, norm: Norm, dims: Dims) -> int:
        """A gain a channel."""
        return self.inner(dims)

    def flops(self, dims: Dims, layer: Choices, p: Pass) -> int:
        """The products, and 4 M C^2 of the recurrence: what is added to the state, and read.

        That the state decays is element-wise.
        """
        linears = sum(linear.flops(p.new) for linear in self.projections(dims).values())
        return linears + p.new * 4 * self.inner(dims) * self.channels(dims)

    def state(self, dims: Dims, layer: Choices, n: int) -> State:
        """M C^2 of the recurrence."""
        return State(precise=self.inner(dims) * self.channels(dims))

    def settled(self, dims: Dims) -> Lightning:
        """Channels only where they are not what is left out."""
        return self.model_copy(update={"head_dim": None}) if self.inner(dims) == dims.hidden_size else self

    def scaled(self, scaling: Scaling) -> Lightning:
        """The same ratio of heads to the hidden size, in heads of 16 channels at most."""
        channels = min(self.channels(scaling.old), 16)
        heads = max(1, scaling.width(self.inner(scaling.old)) // channels)
        return self.model_copy(update={"num_heads": heads, "head_dim": channels})

    def widened(self, factor: float) -> Lightning:
        """More channels in each head, where those are stated."""
        return self.model_copy(update={"head_dim": self.head_dim and max(1, round(factor * self.head_dim))})
