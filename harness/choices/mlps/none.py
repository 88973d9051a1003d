"""No MLP: layers that are a mixer alone, as Gu and Dao 2023 build Mamba of them, https://arxiv.org/abs/2312.00752"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from harness.choices.base import Dims, Source
from harness.choices.mlps import MLP, mlps

if TYPE_CHECKING:
    from harness.choices.axes import Choices


@mlps.register("none")
class NoMLP(MLP):
    """Nothing, and no norm in front of it: the block is x + mixer(norm(x))."""

    kind = "none"
    source = Source(
        "Mamba: Linear-Time Sequence Modeling with Selective State Spaces", "https://arxiv.org/abs/2312.00752"
    )

    present = False

    def problems(self, dims: Dims, choices: Choices) -> Iterator[tuple[str, str]]:
        """Not every block can do without, and one of nothing is none."""
        if not choices.mixer.present:
            yield "kind", "found none with mixer none; expected one of the two in every layer"
        yield from choices.residual.without("mlp")
