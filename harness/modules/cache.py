"""The keys and values that later queries can still see, layer by layer."""

from __future__ import annotations

from copy import copy
from dataclasses import dataclass
from typing import Self

import torch
from torch import Tensor

from harness.choices.patterns import Pattern
from harness.modules.context import Context


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


class LayerCache:
    """Keys and values of every token so far.

    Args:
        store: what holds them.
        capacity: tokens to allocate for at once.
    """

    def __init__(self, store: type[Store], capacity: int) -> None:
        self.keys, self.values = store(capacity), store(capacity)

    @property
    def nbytes(self) -> int:
        """Bytes that both tensors occupy."""
        return self.keys.nbytes + self.values.nbytes

    def extend(self, keys: Tensor, values: Tensor, start: int) -> tuple[Vectors, Vectors, Tensor | None]:
        """Add the keys and values of the tokens from column `start` on, [B, T, K, C].

        Returns:
            Keys and values that the new queries need, [B, S, K, C], and their columns, [S]; None for all so far.
        """
        end = start + int(keys.shape[1])  # int: while fvcore traces, a size is a tensor
        self.keys.write(start, keys)
        self.values.write(start, values)
        return self.keys.read(end), self.values.read(end), None

    def rows(self, index: Tensor) -> Self:
        """A copy for a batch whose sequences are those in these rows of this one's, [B']."""
        copied = copy(self)
        copied.keys, copied.values = self.keys.rows(index), self.values.rows(index)
        return copied


class PrunedLayerCache(LayerCache):
    """Keys and values that a query yet to come can see, for a pattern that forgets; columns stand in any order."""

    def __init__(self, store: type[Store], pattern: Pattern, paddings: tuple[int, ...]) -> None:
        super().__init__(store, capacity=0)
        self.pattern, self.paddings = pattern, paddings
        self.columns = torch.empty(0, dtype=torch.long)  # [S], on the CPU, so that pruning never waits for a device

    def extend(self, keys: Tensor, values: Tensor, start: int) -> tuple[Vectors, Vectors, Tensor | None]:
        """See `LayerCache.extend`; what only the new queries need is not kept."""
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


class KVCache:
    """The caches of all layers, and how many columns of tokens they have seen.

    Args:
        patterns: of the layers.
        padding: how many columns stand in front of each sequence of a batch, [B]; None for none.
        capacity: columns to allocate for at once; more can come, but each pass beyond copies what is there.
        quantised: whether keys and values are rounded to integers of 8 bits.
    """

    def __init__(
        self, patterns: list[Pattern], padding: Tensor | None = None, capacity: int = 0, quantised: bool = False
    ) -> None:
        store = QuantisedStore if quantised else Store
        paddings = (0,) if padding is None else tuple(sorted(set(padding.tolist())))
        self.layers: list[LayerCache] = [
            PrunedLayerCache(store, pattern, paddings) if pattern.forgets else LayerCache(store, capacity)
            for pattern in patterns
        ]
        self.padding = padding
        self.length = 0
        self.context: Context | None = None  # of the passes so far

    def rows(self, index: Tensor) -> KVCache:
        """A copy that goes on from these sequences: any of them, in any order, any number of times.

        Args:
            index: rows of this batch, [B'].
        """
        copied = copy(self)
        copied.layers = [layer.rows(index) for layer in self.layers]
        copied.padding = None if self.padding is None else self.padding[index]
        copied.context = self.context and self.context.rows(index)
        return copied

    @property
    def nbytes(self) -> int:
        """Bytes of all keys and values."""
        return sum(layer.nbytes for layer in self.layers)
