"""What a layer is told in one pass beside its input: positions, and the cache of the keys and values so far."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from harness.choices.patterns import Pattern
from harness.modules.positions import Places, PositionModule


class LayerCache:
    """Keys and values that later queries of one layer can still see, and nothing else."""

    def __init__(self, pattern: Pattern, paddings: tuple[int, ...] = (0,)) -> None:
        self.pattern = pattern
        self.paddings = paddings
        self.keys: Tensor | None = None  # [B, S, K, C]
        self.values: Tensor | None = None  # [B, S, K, C]
        self.columns = torch.empty(0, dtype=torch.long)  # [S], on the CPU, so that pruning never waits for a device

    @property
    def nbytes(self) -> int:
        """Bytes that the storages of both tensors occupy."""
        tensors = [tensor for tensor in (self.keys, self.values) if tensor is not None]
        return sum(tensor.untyped_storage().nbytes() for tensor in tensors)

    def rows(self, index: Tensor) -> LayerCache:
        """A copy for a batch whose sequences are those in these rows of this one's, [B'] of places in [B]."""
        copy = LayerCache(self.pattern, self.paddings)
        if self.keys is not None and self.values is not None:
            copy.keys, copy.values = self.keys.index_select(0, index), self.values.index_select(0, index)
        copy.columns = self.columns
        return copy

    def extend(self, keys: Tensor, values: Tensor, start: int) -> tuple[Tensor, Tensor, Tensor]:
        """Add the keys and values of the tokens from column `start` on, [B, T, K, C].

        Returns:
            Keys, values [B, S, K, C] and columns [S] that the new queries need; what only they need is not kept.
        """
        end = start + keys.shape[1]
        columns = torch.cat((self.columns, torch.arange(start, end)))
        if self.keys is not None and self.values is not None:
            keys, values = torch.cat((self.keys, keys), dim=1), torch.cat((self.values, values), dim=1)
        keys, values, columns = self._pruned(keys, values, columns, start + 1)
        kept_keys, kept_values, self.columns = self._pruned(keys, values, columns, end)
        self.keys, self.values = _owned(kept_keys), _owned(kept_values)
        return keys, values, columns.to(keys.device)

    def _pruned(self, keys: Tensor, values: Tensor, columns: Tensor, n: int) -> tuple[Tensor, Tensor, Tensor]:
        """What queries from column n - 1 on can see in any sequence, and the keys after them."""
        if self.pattern.cached_keys(n) == n:
            return keys, values, columns
        kept = columns >= n
        for padding in self.paddings:
            place = columns - padding
            kept = kept | ((place >= 0) & self.pattern.kept(place, max(1, n - padding)))
        index = kept.nonzero().flatten()
        if len(index) == len(columns):
            return keys, values, columns
        on_device = index.to(keys.device)
        return keys.index_select(1, on_device), values.index_select(1, on_device), columns[index]


def _owned(tensor: Tensor) -> Tensor:
    """The tensor in a storage of its own: a slice of a fused projection would keep the whole projection alive."""
    return tensor if tensor.untyped_storage().nbytes() == tensor.nbytes else tensor.clone()


class KVCache:
    """The caches of all layers, and how many columns of tokens they have seen.

    Args:
        patterns: of the layers.
        padding: how many columns stand in front of each sequence of a batch, [B]; None for none.
    """

    def __init__(self, patterns: list[Pattern], padding: Tensor | None = None) -> None:
        paddings = (0,) if padding is None else tuple(sorted(set(padding.tolist())))
        self.layers = [LayerCache(pattern, paddings) for pattern in patterns]
        self.padding = padding
        self.length = 0

    def rows(self, index: Tensor) -> KVCache:
        """A copy that goes on from these sequences: any of them, in any order, any number of times.

        Args:
            index: rows of this batch, [B'].
        """
        copy = KVCache([layer.pattern for layer in self.layers], None if self.padding is None else self.padding[index])
        copy.layers = [layer.rows(index) for layer in self.layers]
        copy.length = self.length
        return copy

    @property
    def nbytes(self) -> int:
        """Bytes of all keys and values."""
        return sum(layer.nbytes for layer in self.layers)


@dataclass(frozen=True)
class LayerStep:
    """One pass as one layer sees it."""

    places: Places
    position: PositionModule
    tables: tuple[Tensor, ...]
    start: int
    cache: LayerCache | None

    @property
    def from_start(self) -> bool:
        """Whether the computed tokens are the whole of every sequence so far."""
        return self.start == 0 and self.places.padding is None

    def extend_cache(self, keys: Tensor, values: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """All keys and values that the queries may see, [B, S, K, C], and their places, [S] or [B, S]."""
        if self.cache is None:
            return keys, values, self.places.queries
        keys, values, columns = self.cache.extend(keys, values, self.start)
        return keys, values, self.places.of(columns)
