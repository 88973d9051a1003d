"""The keys and values of a layer that later queries can still see."""

from __future__ import annotations

from copy import copy
from dataclasses import dataclass
from typing import Self

import torch
from torch import Tensor

from harness.choices.patterns import Pattern
from harness.modules.states import LayerState, Room
from harness.modules.step import LayerStep


@dataclass(frozen=True)
class Codes:
    """Vectors as integers of 8 bits, each vector with a scale of its own in float32: its largest entry is 127.

    Attributes:
        codes: the integers, [B, S, K, C].
        scales: what they are to be multiplied by, [B, S, K, 1].
        dtype: of the vectors that they stand for.
    """

    codes: Tensor
    scales: Tensor
    dtype: torch.dtype

    def expanded(self) -> Tensor:
        """The vectors, [B, S, K, C]."""
        return self.codes.to(self.dtype).mul_(self.scales.to(self.dtype))


Vectors = Tensor | Codes
"""Keys or values as a cache holds them."""


class Store:
    """Vectors of the columns so far, one tensor [B, K, S, C] with a head's columns side by side, as a query reads them.

    Args:
        capacity: columns to allocate at once; beyond it the store grows by what is written, which copies it.
    """

    def __init__(self, capacity: int) -> None:
        self.capacity = capacity
        self.vectors: Tensor | None = None  # [B, K, capacity, C]

    @property
    def nbytes(self) -> int:
        """Bytes that its tensor occupies."""
        return 0 if self.vectors is None else self.vectors.untyped_storage().nbytes()

    def write(self, start: int, vectors: Tensor) -> None:
        """Put vectors, [B, T, K, C], into the columns from `start` on."""
        end = start + int(vectors.shape[1])
        if self.vectors is None or end > self.vectors.shape[2]:
            self._grow(max(end, self.capacity), start, vectors)
        assert self.vectors is not None
        self.vectors[:, :, start:end] = vectors.transpose(1, 2)

    def read(self, count: int) -> Vectors:
        """The first `count` columns, [B, S, K, C]."""
        return self._read(count)

    def _read(self, count: int) -> Tensor:
        assert self.vectors is not None
        return self.vectors[:, :, :count].transpose(1, 2)

    def keep(self, index: Tensor) -> None:
        """Keep these columns and no others."""
        assert self.vectors is not None
        self.vectors = self.vectors.index_select(2, index.to(self.vectors.device))

    def rows(self, index: Tensor) -> Self:
        """A copy for a batch whose sequences are those in these rows of this one's, [B']."""
        copied = copy(self)
        copied.vectors = None if self.vectors is None else self.vectors.index_select(0, index)
        return copied

    def _grow(self, columns: int, filled: int, like: Tensor) -> None:
        batch_size, _, heads, channels = like.shape
        larger = like.new_empty(batch_size, heads, columns, channels)
        if self.vectors is not None:
            larger[:, :, :filled] = self.vectors[:, :, :filled]
        self.vectors = larger


class QuantisedStore(Store):
    """Rounds vectors to integers of 8 bits, and holds those and their scales."""

    def __init__(self, capacity: int) -> None:
        super().__init__(capacity)
        self.scales = Store(capacity)
        self.dtype = torch.float32

    @property
    def nbytes(self) -> int:
        """Bytes of the integers and of the scales."""
        return super().nbytes + self.scales.nbytes

    def write(self, start: int, vectors: Tensor) -> None:
        """Round vectors, [B, T, K, C], into the columns from `start` on."""
        self.dtype = vectors.dtype
        largest = vectors.abs().amax(-1, keepdim=True).to(torch.float32)
        scales = largest.clamp(min=torch.finfo(torch.float32).tiny) / 127
        self.scales.write(start, scales)
        super().write(start, (vectors / scales).round().to(torch.int8))

    def read(self, count: int) -> Codes:
        """The first `count` columns, which stand for vectors of the dtype that was written."""
        return Codes(self._read(count), self.scales._read(count), self.dtype)

    def keep(self, index: Tensor) -> None:
        """Keep these columns and no others."""
        super().keep(index)
        self.scales.keep(index)

    def rows(self, index: Tensor) -> Self:
        """A copy for a batch whose sequences are those in these rows of this one's, [B']."""
        copied = super().rows(index)
        copied.scales = self.scales.rows(index)
        return copied


Shapes = tuple[tuple[int, int], tuple[int, int]]
"""Heads and channels, of the keys and of the values of a token."""


class KeyValues(LayerState):
    """Keys and values of every token so far.

    Args:
        store: what holds them.
        shapes: of a token.
        capacity: tokens to allocate for at once.
    """

    length = 0

    def __init__(self, store: type[Store], shapes: Shapes, capacity: int = 0) -> None:
        self.keys, self.values = store(capacity), store(capacity)
        self.shapes = shapes

    @property
    def nbytes(self) -> int:
        """Bytes that both tensors occupy."""
        return self.keys.nbytes + self.values.nbytes

    def extend(self, keys: Tensor, values: Tensor) -> tuple[Vectors, Vectors, Tensor | None]:
        """Add the keys and values of the next tokens, [B, T, K, C].

        Returns:
            Keys and values that the new queries need, [B, S, K, C], and their columns, [S]; None for all so far.
        """
        start = self.length
        self.length = start + int(keys.shape[1])  # int: while fvcore traces, a size is a tensor
        return self._extend(keys, values, start)

    def _extend(self, keys: Tensor, values: Tensor, start: int) -> tuple[Vectors, Vectors, Tensor | None]:
        self.keys.write(start, keys)
        self.values.write(start, values)
        return self.keys.read(self.length), self.values.read(self.length), None

    def rows(self, index: Tensor) -> Self:
        """A copy for a batch whose sequences are those in these rows of this one's, [B']."""
        copied = copy(self)
        copied.keys, copied.values = self.keys.rows(index), self.values.rows(index)
        return copied

    def aliased(self) -> Self:
        """One that goes on from here, in the same memory as long as that lasts."""
        copied = copy(self)
        copied.keys, copied.values = copy(self.keys), copy(self.values)
        return copied

    def reset(self) -> None:
        """Forget all tokens; the memory stays."""
        self.length = 0

    def pretend(self, batch_size: int, columns: int) -> None:
        """Keys and values of no particular content, on the meta device."""
        keys, values = (torch.empty(batch_size, columns, *shape, device="meta") for shape in self.shapes)
        self.extend(keys, values)


class PrunedKeyValues(KeyValues):
    """Keys and values that a query yet to come can see, for a pattern that forgets; columns stand in any order."""

    def __init__(self, store: type[Store], shapes: Shapes, pattern: Pattern, paddings: tuple[int, ...]) -> None:
        super().__init__(store, shapes)
        self.pattern, self.paddings = pattern, paddings
        self.columns = torch.empty(0, dtype=torch.long)  # [S], on the CPU, so that pruning never waits for a device

    def _extend(self, keys: Tensor, values: Tensor, start: int) -> tuple[Vectors, Vectors, Tensor | None]:
        """What only the new queries need is not kept."""
        tokens = int(keys.shape[1])
        free = self._forgotten(start + 1).nonzero().flatten()
        if tokens == len(free) == 1:  # as in every step behind a full band: nothing moves
            self.columns = self.columns.index_fill(0, free, start)
            self._write(int(free), keys, values)
            return *self._read(), self.columns
        self._drop(free)
        filled = len(self.columns)
        self.columns = torch.cat((self.columns, torch.arange(start, start + tokens)))
        self._write(filled, keys, values)
        needed = (*self._read(), self.columns)
        self._drop(self._forgotten(start + tokens).nonzero().flatten())
        return needed

    def reset(self) -> None:
        """Forget all tokens."""
        super().reset()
        self.columns = self.columns[:0]

    def _forgotten(self, n: int) -> Tensor:
        """Which columns no query from column n - 1 on can see, in any sequence; columns from n on are not, [S]."""
        kept = self.columns >= n
        for padding in self.paddings:
            places = self.columns - padding
            kept = kept | ((places >= 0) & self.pattern.kept(places, max(1, n - padding)))
        return ~kept

    def _drop(self, index: Tensor) -> None:
        if len(index):
            kept = torch.ones(len(self.columns), dtype=torch.bool).index_fill(0, index, False).nonzero().flatten()
            self.columns = self.columns[kept]
            self.keys.keep(kept)
            self.values.keep(kept)

    def _write(self, start: int, keys: Tensor, values: Tensor) -> None:
        self.keys.write(start, keys)
        self.values.write(start, values)

    def _read(self) -> tuple[Vectors, Vectors]:
        return self.keys.read(len(self.columns)), self.values.read(len(self.columns))


def key_values(room: Room, pattern: Pattern, shapes: Shapes) -> KeyValues:
    """An empty state for keys and values, of which those are kept that a pattern shows to later queries."""
    store = QuantisedStore if room.quantised else Store
    if pattern.forgets and room.prunes:
        paddings = (0,) if room.padding is None else tuple(sorted(set(room.padding.tolist())))
        return PrunedKeyValues(store, shapes, pattern, paddings)
    return KeyValues(store, shapes, room.capacity)


def with_earlier(step: LayerStep, keys: Tensor, values: Tensor) -> tuple[Vectors, Vectors, Tensor]:
    """All keys and values that the queries of a pass may see, [B, S, K, C], and their places, [S] or [B, S].

    Args:
        step: the pass, whose state, if any, is extended.
        keys: of the tokens that are computed, [B, T, K, C].
        values: of the same tokens.
    """
    if step.state is None:
        return keys, values, step.places.queries
    assert isinstance(step.state, KeyValues)
    held_keys, held_values, columns = step.state.extend(keys, values)
    if columns is None:
        return held_keys, held_values, step.places.so_far
    return held_keys, held_values, step.places.of(columns.to(keys.device))
