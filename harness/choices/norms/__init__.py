"""Normalisation of the residual stream."""

from __future__ import annotations

from pydantic import PositiveFloat

from harness.choices.base import Choice
from harness.registry import Registry


class Norm(Choice):
    """Brings each token's vector to unit scale, then multiplies it by learnt gains."""

    eps: PositiveFloat


norms: Registry[type[Norm]] = Registry("norm", __name__)
