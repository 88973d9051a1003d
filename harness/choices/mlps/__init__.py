"""The position-wise network of a block."""

from __future__ import annotations

from typing import ClassVar, Self

from pydantic import PositiveInt

from harness.choices.base import Choice, Dims, Linear, Scaling
from harness.choices.mixers import State
from harness.registry import Registry


class MLP(Choice):
    """What a layer does to each token, nearly always for itself. One of several experts may be such a network too."""

    present: ClassVar[bool] = True
    """Whether there is one at all."""

    def params(self, dims: Dims) -> int:
        """Trainable parameters, in scalars."""
        return 0

    def flops(self, dims: Dims, tokens: int) -> int:
        """FLOPs of matrix products over `tokens` tokens, 2 a multiply-add."""
        return 0

    def state(self, dims: Dims) -> State:
        """What is kept of a sequence for the tokens to come, from the start on."""
        return State()

    def widened(self, factor: float) -> Self:
        """The same with an inner width so many times as large; as it is where there is no such width."""
        return self


class ActivatedMLP(MLP):
    """Two matrices with an activation between them, or three where a gate multiplies the activation.

    Attributes:
        intermediate_size: width F between the matrices.
        bias: on all the matrices or on none.
    """

    gated: ClassVar[bool]

    intermediate_size: PositiveInt
    bias: bool

    def linears(self, dims: Dims) -> list[Linear]:
        """Up (and gate), and down."""
        up = Linear(dims.hidden_size, self.intermediate_size, self.bias)
        return [up] * (1 + self.gated) + [Linear(self.intermediate_size, dims.hidden_size, self.bias)]

    def params(self, dims: Dims) -> int:
        """2 D F, or 3 D F with a gate, and the biases."""
        return sum(linear.params for linear in self.linears(dims))

    def flops(self, dims: Dims, tokens: int) -> int:
        """4 D F a token, or 6 D F with a gate."""
        return sum(linear.flops(tokens) for linear in self.linears(dims))

    def widened(self, factor: float) -> Self:
        """F times the factor, at least 1."""
        return self.model_copy(update={"intermediate_size": max(1, round(factor * self.intermediate_size))})

    def scaled(self, scaling: Scaling) -> Self:
        """The same ratio of F to D."""
        return self.model_copy(update={"intermediate_size": scaling.width(self.intermediate_size)})


mlps: Registry[type[MLP]] = Registry("mlp", __name__)
