"""Normalisation of the residual stream."""

from __future__ import annotations

from pydantic import PositiveFloat

from harness.choices.base import Choice, Dims
from harness.registry import Registry


class Norm(Choice):
    """Brings each token's vector to unit scale, then multiplies it by learnt gains."""

    eps: PositiveFloat

    def gains(self, width: int) -> int:
        """Parameters of a norm over vectors of this many channels."""
        raise NotImplementedError

    def plain(self) -> Norm:
        """The same with nothing learnt."""
        raise NotImplementedError

    def params(self, dims: Dims) -> int:
        """Parameters of a norm over the residual stream."""
        return self.gains(dims.hidden_size)


norms: Registry[type[Norm]] = Registry("norm", __name__)
