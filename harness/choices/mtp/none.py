"""Only the next token is predicted: Radford et al. 2018 (GPT-1), section 3.1"""

from __future__ import annotations

from typing import TYPE_CHECKING

from harness.choices.base import Dims, Source
from harness.choices.mtp import MTP, mtp

if TYPE_CHECKING:
    from harness.choices.axes import Choices


@mtp.register("none")
class NoMTP(MTP):
    """Nothing beyond the next token."""

    kind = "none"
    source = Source(
        "Improving Language Understanding by Generative Pre-Training",
        "https://cdn.openai.com/research-covers/language-unsupervised/language_understanding_paper.pdf",
    )

    @property
    def depth(self) -> int:
        """None."""
        return 0

    def params(self, dims: Dims, last: Choices) -> int:
        """None."""
        return 0

    def flops(self, dims: Dims, tokens: int) -> int:
        """None."""
        return 0
