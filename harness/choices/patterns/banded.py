"""Locally banded attention: Child et al. 2019, https://arxiv.org/abs/1904.10509; used by GPT-3 in every other layer"""

from pydantic import PositiveInt

from harness.choices.base import Scaling, Source
from harness.choices.patterns import Index, Pattern, patterns, triangle


@patterns.register("banded")
class Banded(Pattern):
    """Each query sees the `window` keys that end with its own: O(n w) pairs."""

    kind = "banded"
    source = Source("Generating Long Sequences with Sparse Transformers", "https://arxiv.org/abs/1904.10509")
    forgets = True

    window: PositiveInt

    def visible(self, q: Index, k: Index, context: Index | int = 0) -> Index:
        """The key is one of the last `window`."""
        return (k <= q) & (q - k < self.window)

    def visible_pairs(self, n: int) -> int:
        """W n - w (w - 1) / 2: the first w - 1 queries see fewer."""
        window = min(self.window, n)
        return window * n - triangle(window - 1)

    def kept(self, k: Index, n: int) -> Index:
        """The last `window` keys."""
        return (k < n) & (k >= n - self.window)

    def cached_keys(self, n: int) -> int:
        """min(w, n)."""
        return min(self.window, n)

    def scaled(self, scaling: Scaling) -> "Banded":
        """The same share of the longest sequence."""
        return self.model_copy(update={"window": scaling.length(self.window)})
