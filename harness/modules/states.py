"""What layers keep of the tokens so far, behind one protocol, and the states of all layers of a model together."""

from __future__ import annotations

from abc import ABC, abstractmethod
from copy import copy
from dataclasses import dataclass
from typing import Self

from torch import Tensor

from harness.modules.context import Context


@dataclass(frozen=True)
class Room:
    """For what a state must have room.

    Attributes:
        padding: how many columns stand in front of each sequence of the batch, [B]; None for none.
        capacity: columns to allocate for at once, where a state grows; more can come.
        quantised: whether keys, values and latents are rounded to integers of 8 bits.
        prunes: whether what no later query sees is dropped.
    """

    padding: Tensor | None = None
    capacity: int = 0
    quantised: bool = False
    prunes: bool = True


class LayerState(ABC):
    """What one layer keeps of the sequences of a batch. The layer itself brings it up to date in every pass."""

    @property
    @abstractmethod
    def length(self) -> int:
        """Columns of tokens that it has seen."""

    @property
    def of_sublayers(self) -> tuple[LayerState | None, LayerState | None]:
        """What the mixer of the layer keeps, and what its MLP does."""
        return self, None

    @property
    @abstractmethod
    def nbytes(self) -> int:
        """Bytes that its tensors occupy."""

    @abstractmethod
    def rows(self, index: Tensor) -> Self:
        """A copy for a batch whose sequences are those in these rows of this one's, [B']."""

    @abstractmethod
    def aliased(self) -> Self:
        """One that goes on from here, and may write over what comes behind: for timing, where numbers are idle."""

    @abstractmethod
    def reset(self) -> None:
        """Forget all tokens; what is allocated may stay."""

    @abstractmethod
    def pretend(self, batch_size: int, columns: int) -> None:
        """Take so many columns for seen, of no particular content, on the meta device: to count what comes next."""


class Carried(LayerState):
    """Tensors of one size however long the sequences are, by name: the last inputs of a convolution, a matrix.

    There are none before the first pass, so a layer starts from zeros where it finds none.
    """

    length = 0

    def __init__(self) -> None:
        self.tensors: dict[str, Tensor] = {}

    def get(self, name: str) -> Tensor | None:
        """The tensor of this name, [B, ...]; None before the first pass."""
        return self.tensors.get(name)

    def advance(self, columns: int, **tensors: Tensor) -> None:
        """So many more columns were seen, and these tensors are what is kept now."""
        self.length += columns
        self.tensors = tensors

    @property
    def nbytes(self) -> int:
        """Bytes of all tensors."""
        return sum(tensor.nbytes for tensor in self.tensors.values())

    def rows(self, index: Tensor) -> Self:
        """A copy for a batch whose sequences are those in these rows of this one's, [B']."""
        copied = copy(self)
        copied.tensors = {name: tensor.index_select(0, index) for name, tensor in self.tensors.items()}
        return copied

    def aliased(self) -> Self:
        """One that goes on from here; tensors are never written over."""
        return copy(self)

    def reset(self) -> None:
        """Forget all tokens."""
        self.length, self.tensors = 0, {}

    def pretend(self, batch_size: int, columns: int) -> None:
        """Nothing but the number: what a step costs does not depend on what is carried."""
        self.length = columns


class Joined(LayerState):
    """The states of the parts of one layer that see the same tokens.

    Args:
        parts: one a part, in an order that the layer knows; None of a part that keeps nothing.
    """

    def __init__(self, parts: tuple[LayerState | None, ...]) -> None:
        self.parts = parts

    @property
    def _kept(self) -> list[LayerState]:
        return [part for part in self.parts if part is not None]

    @property
    def length(self) -> int:
        """Columns that all parts have seen."""
        return min(part.length for part in self._kept)

    @property
    def nbytes(self) -> int:
        """Bytes of all parts."""
        return sum(part.nbytes for part in self._kept)

    def rows(self, index: Tensor) -> Self:
        """A copy for a batch whose sequences are those in these rows of this one's, [B']."""
        return type(self)(tuple(part and part.rows(index) for part in self.parts))

    def aliased(self) -> Self:
        """One that goes on from here, as each part does."""
        return type(self)(tuple(part and part.aliased() for part in self.parts))

    def reset(self) -> None:
        """Forget all tokens."""
        for part in self._kept:
            part.reset()

    def pretend(self, batch_size: int, columns: int) -> None:
        """As each part does."""
        for part in self._kept:
            part.pretend(batch_size, columns)


class OfSublayers(Joined):
    """What the mixer of a layer and its MLP keep, of which each sees only its own."""

    @property
    def of_sublayers(self) -> tuple[LayerState | None, LayerState | None]:
        """The one and the other."""
        mixer, mlp = self.parts
        return mixer, mlp


class Cache:
    """The states of all layers, and how many columns of tokens they have seen.

    Args:
        layers: one a layer; None where a layer keeps nothing.
        padding: how many columns stand in front of each sequence of a batch, [B]; None for none.
    """

    def __init__(self, layers: list[LayerState | None], padding: Tensor | None = None) -> None:
        self.layers = layers
        self.padding = padding
        self.length = 0
        self.context: Context | None = None  # of the passes so far

    def rows(self, index: Tensor) -> Cache:
        """A copy that goes on from these sequences: any of them, in any order, any number of times.

        Args:
            index: rows of this batch, [B'].
        """
        copied = copy(self)
        copied.layers = [layer and layer.rows(index) for layer in self.layers]
        copied.padding = None if self.padding is None else self.padding[index]
        copied.context = self.context and self.context.rows(index)
        return copied

    def aliased(self) -> Cache:
        """One that goes on from here, and shares memory with this one: for timing, where numbers are idle."""
        copied = copy(self)
        copied.layers = [layer and layer.aliased() for layer in self.layers]
        return copied

    def reset(self) -> None:
        """Forget all tokens."""
        for layer in self.layers:
            if layer:
                layer.reset()
        self.length, self.context = 0, None

    @property
    def nbytes(self) -> int:
        """Bytes of all layers."""
        return sum(layer.nbytes for layer in self.layers if layer)
