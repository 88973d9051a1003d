"""Two-dimensional rotary positions: Du et al. 2022 (GLM), https://arxiv.org/abs/2103.10360, section 2.2"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from pydantic import PositiveFloat

from harness.choices.base import Dims, Source
from harness.choices.positions import Position, positions

if TYPE_CHECKING:
    from harness.choices.axes import Choices


@positions.register("rope_2d")
class Rope2D(Position):
    """Two rotary schemes side by side, half a head each, in the half-split layout.

    The first half turns with the position in the context (where all generated tokens share that of their mask),
    the second with the position inside the generated span (0 in the context). Released in ChatGLM-6B.
    """

    kind = "rope_2d"
    source = Source(
        "GLM: General Language Model Pretraining with Autoregressive Blank Infilling",
        "https://arxiv.org/abs/2103.10360",
    )

    theta: PositiveFloat

    dimensions = 2

    def problems(self, dims: Dims, choices: Choices) -> Iterator[tuple[str, str]]:
        """Each half of a head must split into pairs."""
        channels = choices.mixer.position_channels(dims)
        if channels % 4:
            yield "kind", f"rope_2d needs heads whose channels divide by 4; found {channels} channels a head"
