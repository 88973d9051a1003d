"""Prefix attention: Dong et al. 2019 (UniLM), https://arxiv.org/abs/1905.03197; GLM, https://arxiv.org/abs/2103.10360"""

from harness.choices.base import Source
from harness.choices.patterns import Index, patterns
from harness.choices.patterns.dense import Dense


@patterns.register("prefix")
class Prefix(Dense):
    """Context tokens see each other in both directions, the rest is causal.

    How long the context is belongs to the input. With a context of c tokens the pairs are those of dense causal
    attention and c (c - 1) / 2 more; `visible_pairs` counts none, the fewest that there can be.
    """

    kind = "prefix"
    source = Source(
        "Unified Language Model Pre-training for Natural Language Understanding and Generation",
        "https://arxiv.org/abs/1905.03197",
    )

    def visible(self, q: Index, k: Index, context: Index | int = 0) -> Index:
        """The key is not later than the query, or it is context."""
        return (k <= q) | (k < context)
