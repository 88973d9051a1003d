"""How a block joins its two sublayers, attention and MLP, to the residual stream, and where the norms stand."""

from __future__ import annotations

from typing import ClassVar

from harness.choices.base import Choice
from harness.registry import Registry


class Residual(Choice):
    """The wiring of a block. How many norms that takes is the residual's to say; what one costs is the norm's."""

    norms_per_block: ClassVar[int]
    final_norms: ClassVar[int]
    """Norms between the last block and the head."""


residuals: Registry[type[Residual]] = Registry("residual", __name__)
