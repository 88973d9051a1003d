"""What a layer is told in one pass beside its input: positions, and the cache of the keys and values so far."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from harness.choices.patterns import Pattern
from harness.modules.positions import Places, PositionModule


class LayerCache:
    """Keys and values that later queries of one layer can still see, and nothing else."""

    def __init__(self, pattern: Pattern) -> None:
        self.pattern = pattern
        self.keys: Tensor | None = None  # [B, S, K, C]
        self.values: Tensor | None = None  # [B, S, K, C]
        self.places = torch.empty(0, dtype=torch.long)  # [S], on the CPU, so that pruning never waits for a device

    @property
    def nbytes(self) -> int:
        """Bytes that the storages of both tensors occupy."""
        tensors = [tensor for tensor in (self.keys, self.values) if tensor is not None]
        return sum(tensor.untyped_storage().nbytes() for tensor in tensors)

    def extend(self, keys: Tensor, values: Tensor, start: int) -> tuple[Tensor, Tensor, Tensor]:
        """Add the keys and values of the tokens from place `start` on, [B, T, K, C].

        Returns:
            Keys, values [B, S, K, C] and places [S] that the new queries need; what only they need is not kept.
        """
        end = start + keys.shape[1]
        places = torch.cat((self.places, torch.arange(start, end)))
        if self.keys is not None and self.values is not None:
            keys, values = torch.cat((self.keys, keys), dim=1), torch.cat((self.values, values), dim=1)
        keys, values, places = self._pruned(keys, values, places, start + 1)
        kept_keys, kept_values, self.places = self._pruned(keys, values, places, end)
        self.keys, self.values = _owned(kept_keys), _owned(kept_values)
        return keys, values, places.to(keys.device)

    def _pruned(self, keys: Tensor, values: Tensor, places: Tensor, n: int) -> tuple[Tensor, Tensor, Tensor]:
        """What queries from place n - 1 on can see, and the keys after them."""
        index = (self.pattern.kept(places, n) | (places >= n)).nonzero().flatten()
        if len(index) == len(places):
            return keys, values, places
        on_device = index.to(keys.device)
        return keys.index_select(1, on_device), values.index_select(1, on_device), places[index]


def _owned(tensor: Tensor) -> Tensor:
    """The tensor in a storage of its own: a slice of a fused projection would keep the whole projection alive."""
    return tensor if tensor.untyped_storage().nbytes() == tensor.nbytes else tensor.clone()


class KVCache:
    """The caches of all layers, and how many tokens they have seen."""

    def __init__(self, patterns: list[Pattern]) -> None:
        self.layers = [LayerCache(pattern) for pattern in patterns]
        self.length = 0

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
        """Whether the computed tokens are the whole sequence so far."""
        return self.start == 0

    def extend_cache(self, keys: Tensor, values: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """All keys and values that the queries may see, [B, S, K, C], and their places, [S]."""
        if self.cache is None:
            return keys, values, self.places.queries
        return self.cache.extend(keys, values, self.start)
