"""Chunked attention, as in Llama 4: Meta AI 2025, https://ai.meta.com/blog/llama-4-multimodal-intelligence/"""

from pydantic import PositiveInt

from harness.choices.base import Scaling, Source
from harness.choices.patterns import Index, Pattern, patterns, triangle


@patterns.register("chunked")
class Chunked(Pattern):
    """Each query sees the keys of its own chunk of `size` places up to its own: O(n w) pairs, and nothing before."""

    kind = "chunked"
    source = Source(
        "The Llama 4 herd: The beginning of a new era of natively multimodal AI innovation",
        "https://ai.meta.com/blog/llama-4-multimodal-intelligence/",
    )
    forgets = True

    size: PositiveInt

    def visible(self, q: Index, k: Index, context: Index | int = 0) -> Index:
        """The key is in the query's chunk, and not behind it."""
        return (k <= q) & (k // self.size == q // self.size)

    def visible_pairs(self, n: int) -> int:
        """A triangle a chunk."""
        whole, rest = divmod(n, self.size)
        return whole * triangle(self.size) + triangle(rest)

    def kept(self, k: Index, n: int) -> Index:
        """The chunk of the query at place n - 1."""
        return (k < n) & (k >= (n - 1) // self.size * self.size)

    def cached_keys(self, n: int) -> int:
        """The current chunk up to token n."""
        return (n - 1) % self.size + 1

    def peak_keys(self, n: int) -> int:
        """min(w, n): a cache is emptied where a chunk ends."""
        return min(self.size, n)

    def scaled(self, scaling: Scaling) -> "Chunked":
        """The same share of the longest sequence."""
        return self.model_copy(update={"size": scaling.length(self.size)})
