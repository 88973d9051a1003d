"""What a layer is told in one pass beside its input: positions, and its cache."""

from __future__ import annotations

from dataclasses import dataclass

from torch import Tensor

from harness.modules.cache import LayerCache, Vectors
from harness.modules.positions import Places, PositionModule


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

    def extend_cache(self, keys: Tensor, values: Tensor) -> tuple[Vectors, Vectors, Tensor]:
        """All keys and values that the queries may see, [B, S, K, C], and their places, [S] or [B, S]."""
        if self.cache is None:
            return keys, values, self.places.queries
        held_keys, held_values, columns = self.cache.extend(keys, values, self.start)
        if columns is None:
            return held_keys, held_values, self.places.so_far
        return held_keys, held_values, self.places.of(columns.to(keys.device))
