"""What every choice has in common: options that are checked, a source, and costs in closed form. No torch here.

Letters in formulas and shape comments, here and in `harness.modules`:
    B batch, T queries (tokens computed), S keys, D hidden size, V vocabulary, H query heads, K key-value heads,
    C channels of one head, F intermediate size, L layers, n sequence length.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar, Self

from pydantic import BaseModel, ConfigDict, PositiveInt

if TYPE_CHECKING:
    from harness.choices.axes import Choices


@dataclass(frozen=True)
class Source:
    """Where a choice was first described."""

    title: str
    url: str


class Dims(BaseModel):
    """The sizes of a model that belong to no single choice."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)

    num_layers: PositiveInt
    hidden_size: PositiveInt
    vocab_size: PositiveInt
    max_seq_len: PositiveInt


@dataclass(frozen=True)
class Scaling:
    """A change of size that a choice is asked to follow: see `Choice.scaled`."""

    old: Dims
    new: Dims
    head_channels: int | None = None
    """Channels of a head that positions turn in the new model, once its mixer is known."""

    def width(self, size: int) -> int:
        """`size` scaled as the hidden size is, at least 1."""
        return max(1, round(size * self.new.hidden_size / self.old.hidden_size))

    def length(self, size: int) -> int:
        """`size` scaled as the longest sequence is, at least 1."""
        return max(1, round(size * self.new.max_seq_len / self.old.max_seq_len))


def unset(value: object) -> bool:
    """Whether an option says nothing: those that were added later are then written nowhere, and hashes stay."""
    return value is None


def no(value: object) -> bool:
    """The same of a switch that is off."""
    return value is False


def one(value: object) -> bool:
    """The same of a factor of 1."""
    return value == 1.0


class Choice(BaseModel):
    """One architectural choice: its fields are the options that a spec may set.

    A subclass is registered in its axis under its `kind` and cites its `source`; what it costs, its axis says how to
    state.
    """

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)

    kind: ClassVar[str]
    source: ClassVar[Source]

    def problems(self, dims: Dims, choices: Choices) -> Iterator[tuple[str, str]]:
        """What does not fit the dims or the other choices of the layer: (option, message) pairs."""
        return iter(())

    def settled(self, dims: Dims) -> Self:
        """The same choice in the one way to write it, whichever of several that mean the same was used."""
        return self

    def scaled(self, scaling: Scaling) -> Self:
        """The same choice for a model of another size."""
        return self

    def options(self) -> dict[str, object]:
        """The kind and every option, ready for JSON."""
        return {"kind": self.kind, **self.model_dump(mode="json")}


@dataclass(frozen=True)
class Linear:
    """A matrix product y = x W^T (+ b), [.., d_in] -> [.., d_out]."""

    d_in: int
    d_out: int
    bias: bool = False

    @property
    def params(self) -> int:
        """Entries of W and b."""
        return self.d_in * self.d_out + self.bias * self.d_out

    def flops(self, tokens: int) -> int:
        """2 FLOPs an entry of W and token; adding the bias is element-wise and not counted."""
        return 2 * tokens * self.d_in * self.d_out
