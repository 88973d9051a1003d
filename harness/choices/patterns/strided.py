"""Sparse Transformer, strided: Child et al. 2019, https://arxiv.org/abs/1904.10509, section 4.3"""

from pydantic import PositiveInt

from harness.choices.base import Scaling, Source
from harness.choices.patterns import Index, Pattern, patterns, triangle


@patterns.register("strided")
class Strided(Pattern):
    """Each query sees the last `stride` keys and, before them, every key at a multiple of `stride` behind it.

    This is the union of the paper's two heads (its "merged" head). With a stride near sqrt(n), O(n sqrt(n)) pairs.
    """

    kind = "strided"
    source = Source("Generating Long Sequences with Sparse Transformers", "https://arxiv.org/abs/1904.10509")

    stride: PositiveInt

    def visible(self, q: Index, k: Index, context: Index | int = 0) -> Index:
        """The key is near, or a whole number of strides away."""
        return (k <= q) & ((q - k < self.stride) | ((q - k) % self.stride == 0))

    def visible_pairs(self, n: int) -> int:
        """A band of width s, and floor(q / s) keys further back for the query at place q."""
        near = min(self.stride, n)
        whole, rest = divmod(n, self.stride)
        return near * n - triangle(near - 1) + self.stride * triangle(whole - 1) + rest * whole

    def kept(self, k: Index, n: int) -> Index:
        """Every key: some later query is a whole number of strides away."""
        return k < n

    def cached_keys(self, n: int) -> int:
        """N."""
        return n

    def scaled(self, scaling: Scaling) -> "Strided":
        """The same share of the longest sequence."""
        return self.model_copy(update={"stride": scaling.length(self.stride)})
