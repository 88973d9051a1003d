"""How a block joins its two sublayers, mixer and MLP, to the residual stream, and where the norms stand."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, ClassVar

from harness.choices.base import Choice
from harness.registry import Registry

if TYPE_CHECKING:
    from harness.choices.axes import Choices


class Residual(Choice):
    """The wiring of a block. How many norms that takes is the residual's to say; what one costs is the norm's."""

    norms_per_sublayer: ClassVar[int] = 1
    final_norms: ClassVar[int] = 1
    """Norms between the last block and the head."""
    optional: ClassVar[bool] = False
    """Whether a block can do without one of the sublayers."""

    def norms(self, layer: Choices) -> int:
        """Norms of a block."""
        return self.norms_per_sublayer * (layer.mixer.present + layer.mlp.present)

    def without(self, sublayer: str) -> Iterator[tuple[str, str]]:
        """The problem of a block without this sublayer, if it is one."""
        if not self.optional:
            allowed = " or ".join(kind for kind in residuals.names() if residuals[kind].optional)
            yield (
                "kind",
                f"found none with residual {self.kind}, which needs the {sublayer}; expected residual {allowed}",
            )


residuals: Registry[type[Residual]] = Registry("residual", __name__)
