"""How the last hidden state becomes logits."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Annotated, ClassVar, Self

from pydantic import Field, PositiveFloat, PositiveInt

from harness.choices.base import Choice, Dims, Linear, Scaling, unset
from harness.registry import Registry

if TYPE_CHECKING:
    from harness.choices.axes import Choices


class Head(Choice):
    """A matrix product onto the vocabulary, for every position.

    Attributes:
        scale: what the logits are multiplied by (Cohere, Granite).
        softcap: if given, logits become softcap tanh(logits / softcap) (Gemma 2, https://arxiv.org/abs/2408.00118).
        width: if given, the hidden state is first multiplied by a matrix onto so many channels (OPT-350M).
    """

    scale: PositiveFloat = 1.0
    softcap: PositiveFloat | None = None
    width: Annotated[PositiveInt | None, Field(exclude_if=unset)] = None

    tied: ClassVar[bool]
    """Whether the matrix is the token table."""

    def matrices(self, dims: Dims) -> tuple[Linear, ...]:
        """The product onto the vocabulary, and one in front of it onto the `width` where that is given."""
        last = Linear(self.width or dims.hidden_size, dims.vocab_size)
        return (Linear(dims.hidden_size, self.width), last) if self.width else (last,)

    def params(self, dims: Dims) -> int:
        """Trainable parameters, in scalars; a table that it shares is not its own."""
        raise NotImplementedError

    def flops(self, dims: Dims, tokens: int) -> int:
        """2 D V a token; with a width W, 2 D W + 2 W V."""
        return sum(matrix.flops(tokens) for matrix in self.matrices(dims))

    def problems(self, dims: Dims, choices: Choices) -> Iterator[tuple[str, str]]:
        """A table that is the head's matrix has the head's width."""
        table = choices.embedding.width
        if self.tied and self.width != table:
            yield "width", f"found {self.width}; the table, which the head is tied to, has {table or dims.hidden_size}"

    def scaled(self, scaling: Scaling) -> Self:
        """The same share of the hidden size."""
        return self.model_copy(update={"width": self.width and scaling.width(self.width)})


heads: Registry[type[Head]] = Registry("head", __name__)
