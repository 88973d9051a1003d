"""When a sparse pattern is computed by its own kernel, and what computes it when it is not."""

from collections.abc import Callable
from functools import wraps
from typing import TypeVar

from torch import Tensor

from harness.choices.patterns import Pattern, triangle
from harness.modules.patterns import View
from harness.modules.patterns.masked import attend_causally, attend_masked

P = TypeVar("P", bound=Pattern)
Attend = Callable[[P, Tensor, Tensor, Tensor, View], Tensor]

SHORT = 256
"""Below so many tokens one dense kernel under a mask is faster than several small ones."""


def where_it_pays(attend: Attend[P]) -> Attend[P]:
    """Decorate what computes only the visible pairs, to be called where that pays, and a dense kernel elsewhere."""

    @wraps(attend)
    def chosen(pattern: P, q: Tensor, k: Tensor, v: Tensor, view: View) -> Tensor:
        return (attend if pays(pattern, q, view) else attend_otherwise)(pattern, q, k, v, view)

    return chosen


def pays(pattern: Pattern, q: Tensor, view: View) -> bool:
    """Whether a kernel that computes only the visible pairs of places 0, 1, ..., T - 1 holds here, and is faster.

    It knows no score bias, cap, padding or chunk behind a cache. On the meta device, where the counters count what a
    dense kernel under a mask computes, there is nothing to save.
    """
    n = int(q.shape[1])
    return view.plain and not q.is_meta and view.from_start and n >= SHORT and pattern.visible_pairs(n) < triangle(n)


def attend_otherwise(pattern: Pattern, q: Tensor, k: Tensor, v: Tensor, view: View) -> Tensor:
    """Softmax over the visible keys by a dense kernel, without a mask where all its pairs are visible, [B, T, H, C]."""
    n = int(q.shape[1])
    if view.plain and not q.is_meta:
        if n == 1:
            return _attend_one(pattern, q, k, v, view)
        if view.from_start and pattern.visible_pairs(n) == triangle(n):
            return attend_causally(q, k, v, view)
    return attend_masked(pattern, q, k, v, view)


def _attend_one(pattern: Pattern, q: Tensor, k: Tensor, v: Tensor, view: View) -> Tensor:
    """One query, with the keys gathered that it sees, unless the cache holds no others."""
    seen = pattern.visible(view.queries, view.keys, view.context).nonzero().flatten()
    if len(seen) < len(view.keys):
        k, v = k[:, seen], v[:, seen]  # `index_select` would first copy all that a cache holds
    return attend_causally(q, k, v, view)
