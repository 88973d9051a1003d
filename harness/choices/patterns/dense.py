"""Dense causal attention: Vaswani et al. 2017, https://arxiv.org/abs/1706.03762, section 3.2.3"""

from harness.choices.base import Source
from harness.choices.patterns import Index, Pattern, patterns, triangle


@patterns.register("dense")
class Dense(Pattern):
    """Each query sees every key up to its own: O(n^2) pairs."""

    kind = "dense"
    source = Source("Attention Is All You Need", "https://arxiv.org/abs/1706.03762")

    def visible(self, q: Index, k: Index, context: Index | int = 0) -> Index:
        """The key is not later than the query."""
        return k <= q

    def visible_pairs(self, n: int) -> int:
        """N (n + 1) / 2."""
        return triangle(n)

    def kept(self, k: Index, n: int) -> Index:
        """Every key there is."""
        return k < n

    def cached_keys(self, n: int) -> int:
        """N."""
        return n
