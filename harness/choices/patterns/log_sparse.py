"""LogSparse attention: Li et al. 2019, https://arxiv.org/abs/1907.00235, section 4.2"""

from harness.choices.base import Source
from harness.choices.patterns import Index, Pattern, patterns


@patterns.register("log_sparse")
class LogSparse(Pattern):
    """Each query sees its own key and those 1, 2, 4, 8, ... places behind it: O(n log n) pairs."""

    kind = "log_sparse"
    source = Source(
        "Enhancing the Locality and Breaking the Memory Bottleneck of Transformer on Time Series Forecasting",
        "https://arxiv.org/abs/1907.00235",
    )

    def visible(self, q: Index, k: Index, context: Index | int = 0) -> Index:
        """The distance is 0 or a power of two: it has at most one bit set."""
        return (k <= q) & (((q - k) & (q - k - 1)) == 0)

    def visible_pairs(self, n: int) -> int:
        """N own keys, and n - 2^j pairs at each distance 2^j below n."""
        return n + sum(n - (1 << j) for j in range(max(0, n - 1).bit_length()))

    def kept(self, k: Index, n: int) -> Index:
        """Every key: some later query is a power of two away."""
        return k < n

    def cached_keys(self, n: int) -> int:
        """N."""
        return n
