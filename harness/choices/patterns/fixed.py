"""Sparse Transformer, fixed: Child et al. 2019, https://arxiv.org/abs/1904.10509, section 4.3"""

from collections.abc import Iterator
from typing import TYPE_CHECKING

from pydantic import PositiveInt

from harness.choices.base import Dims, Scaling, Source
from harness.choices.patterns import Index, Pattern, patterns, triangle

if TYPE_CHECKING:
    from harness.choices.axes import Choices


@patterns.register("fixed")
class Fixed(Pattern):
    """Each query sees its own block of `block` keys and the last `summary` keys of every block before it.

    The union of the paper's two heads, its l and c. With blocks near sqrt(n), O(n sqrt(n)) pairs.
    """

    kind = "fixed"
    source = Source("Generating Long Sequences with Sparse Transformers", "https://arxiv.org/abs/1904.10509")
    forgets = True

    block: PositiveInt
    summary: PositiveInt

    def visible(self, q: Index, k: Index, context: Index | int = 0) -> Index:
        """The key is in the query's block, or among the summary keys of an earlier one."""
        return (k <= q) & ((k // self.block == q // self.block) | (k % self.block >= self.block - self.summary))

    def visible_pairs(self, n: int) -> int:
        """A triangle a block, and c keys of each earlier block for every query."""
        whole, rest = divmod(n, self.block)
        inside = whole * triangle(self.block) + triangle(rest)
        return inside + self.summary * (self.block * triangle(whole - 1) + rest * whole)

    def kept(self, k: Index, n: int) -> Index:
        """The block of the query at place n - 1, and the summary keys of those before."""
        current = (n - 1) // self.block * self.block
        return (k < n) & ((k >= current) | (k % self.block >= self.block - self.summary))

    def cached_keys(self, n: int) -> int:
        """C keys a finished block, and the current block up to token n."""
        finished, place = divmod(n - 1, self.block)
        return finished * self.summary + place + 1

    def peak_keys(self, n: int) -> int:
        """A cache shrinks where a block ends, so it was largest now or at the end of the block before."""
        return max(self.cached_keys(n), self.cached_keys(max(1, n // self.block * self.block)))

    def problems(self, dims: Dims, choices: "Choices") -> Iterator[tuple[str, str]]:
        """A summary cannot be longer than its block."""
        if self.summary > self.block:
            yield "summary", f"found {self.summary}, more than the block of {self.block}; expected 1 to {self.block}"

    def scaled(self, scaling: Scaling) -> "Fixed":
        """The same shares of the longest sequence."""
        block = scaling.length(self.block)
        return self.model_copy(update={"block": block, "summary": min(block, scaling.length(self.summary))})
