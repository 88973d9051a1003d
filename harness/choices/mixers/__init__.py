"""What mixes the tokens of a sequence: attention over keys and values, a recurrence, a convolution, or nothing.

A mixer states its costs itself, given the layer that it stands in; metrics only add them up.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar, Self

from harness.choices.base import Choice, Dims
from harness.registry import Registry

if TYPE_CHECKING:
    from harness.choices.axes import Choices
    from harness.choices.norms import Norm


@dataclass(frozen=True)
class Pass:
    """A pass over one sequence.

    Attributes:
        new: tokens that are computed.
        end: tokens so far, those computed included; in a prefill all are new, in a decode step one is.
        causal: whether the query-key pairs are those that the pattern leaves visible, or, if false, all new x end, as a
            dense kernel with a mask computes them.
    """

    new: int
    end: int
    causal: bool = True

    @property
    def start(self) -> int:
        """Tokens of the passes before."""
        return self.end - self.new


@dataclass(frozen=True)
class State:
    """What one layer keeps of one sequence for the tokens to come, in scalars.

    Attributes:
        cached: what grows with the sequence, such as keys, values and latents; in the number format of the cache.
        carried: what does not grow and is in the number format of the model, such as the last inputs of a convolution.
        precise: what does not grow and is kept in 32 bits, as the matrix of a recurrence.
    """

    cached: int = 0
    carried: int = 0
    precise: int = 0

    def __add__(self, other: State) -> State:
        return State(self.cached + other.cached, self.carried + other.carried, self.precise + other.precise)

    def __mul__(self, count: int) -> State:
        return State(count * self.cached, count * self.carried, count * self.precise)


class Mixer(Choice):
    """How the tokens of a layer learn of each other. A part that a mixer does not have costs nothing."""

    short: ClassVar[str]
    """What tables call it, where that is not by its heads."""
    present: ClassVar[bool] = True
    """Whether there is one at all."""
    uses_pattern: ClassVar[bool] = False
    """Whether it asks the pattern which keys a query sees."""
    uses_position: ClassVar[bool] = False
    """Whether it asks the position scheme to turn queries and keys or to shift scores."""

    recurrent: ClassVar[bool] = False
    """Whether it is counted token by token, so that only short sequences are."""

    def position_channels(self, dims: Dims) -> int:
        """Channels of a head that a rotary scheme turns, or a part of."""
        return 0

    def heads(self, dims: Dims) -> dict[str, int]:
        """Query heads, key-value heads and channels of a head, for tables; 0 where there are none."""
        return {"query": 0, "key_value": 0, "channels": 0}

    def params(self, dims: Dims) -> int:
        """Trainable parameters, in scalars, but for norms."""
        return 0

    def norm_params(self, norm: Norm, dims: Dims) -> int:
        """Parameters of norms inside it, which `params` leaves out. Their paths have "norm" in them."""
        return 0

    def flops(self, dims: Dims, layer: Choices, p: Pass) -> int:
        """FLOPs of a pass: matrix products, taps of convolutions and the arithmetic of a recurrence.

        2 a multiply-add. Of a recurrence it is what one step does, times the tokens, in whatever form it is computed.
        """
        return 0

    def pairs(self, layer: Choices, p: Pass) -> int:
        """Query-key pairs of a pass; 0 where queries do not look at keys one by one."""
        return 0

    def state(self, dims: Dims, layer: Choices, n: int) -> State:
        """What is kept while the n-th token is computed, its own included; for n = 0 what is kept from the start."""
        return State()

    def widened(self, factor: float) -> Self:
        """The same with about `factor` times as many parameters, if it has a size to choose for that."""
        return self

    def peak_state(self, dims: Dims, layer: Choices, n: int) -> State:
        """The most that is kept while any token up to the n-th is computed."""
        return self.state(dims, layer, n)


def sharing(num_heads: int, num_kv_heads: int) -> str:
    """What attention with these query and key-value heads is called.

        queries             q q q q     q q q q     q q q q
                            | | | |     |/  |/      |///
        keys and values     k k k k     k   k       k
                              MHA         GQA         MQA

    MHA, multi-head: each query head has keys and values of its own (Vaswani et al. 2017); MQA, multi-query: all share
    one head of them (Shazeer 2019, https://arxiv.org/abs/1911.02150); GQA, grouped-query: groups of query heads do
    (Ainslie et al. 2023, https://arxiv.org/abs/2305.13245). Without any heads, a dash.

    >>> sharing(4, 4), sharing(4, 2), sharing(4, 1)
    ('MHA', 'GQA', 'MQA')
    """
    if not num_heads:
        return "-"
    return "MHA" if num_kv_heads == num_heads else "MQA" if num_kv_heads == 1 else "GQA"


def called(kind: str, heads: dict[str, int]) -> str:
    """What tables call a mixer of a kind with these heads, as `Mixer.heads` gives them."""
    return getattr(mixers[kind], "short", None) or sharing(heads["query"], heads["key_value"])


mixers: Registry[type[Mixer]] = Registry("mixer", __name__)
