"""The one place that decides which way attention is computed."""

from __future__ import annotations

from dataclasses import replace
from functools import lru_cache
from typing import Protocol

from torch import Tensor
from torch.nn.functional import pad

from harness.choices.patterns import Pattern, triangle
from harness.modules import implementation_of
from harness.modules.kernels import one_query, scaled_dot_product, torch_private
from harness.modules.kernels.scaled_dot_product import Way
from harness.modules.kernels.view import View
from harness.modules.key_values import Codes, Vectors
from harness.tuning import Tuning, tuning


class Cover(Protocol):
    """The visible pairs of the places 0, 1, ..., n - 1, in a form that can be computed without the hidden ones."""

    def attend(self, q: Tensor, k: Tensor, v: Tensor, scale: float | None = None) -> Tensor:
        """Softmax over the visible keys, [B, T, H, C]; the scale is None for 1 / sqrt(C)."""


def attend(pattern: Pattern, q: Tensor, k: Vectors, v: Vectors, view: View) -> Tensor:
    """Softmax over the visible keys.

    Args:
        pattern: which keys a query sees.
        q: queries, [B, T, H, C].
        k: keys as a cache holds them, [B, S, K, C], vectors or integers.
        v: values likewise; they may have another number of channels.
        view: where they stand, and how scores follow from their products.

    Returns:
        Weighted values, [B, T, H, C].
    """
    if isinstance(k, Codes) or isinstance(v, Codes):
        assert isinstance(k, Codes), "a cache quantises keys and values alike"
        assert isinstance(v, Codes)
        all_seen = view.plain and int(q.shape[1]) == 1 and _hides_none(pattern, int(k.codes.shape[1]))
        if all_seen and one_query.suits_codes(q, k):
            return one_query.over_codes(q, k, v, view)
        k, v = k.expanded(), v.expanded()
    if int(q.shape[-1]) == int(v.shape[-1]) or int(q.shape[1]) == 1 or q.is_meta:
        return way(pattern, q, k, view)(pattern, q, k, v, view)
    return _in_equal_widths(pattern, q, k, v, view)


def _in_equal_widths(pattern: Pattern, q: Tensor, k: Tensor, v: Tensor, view: View) -> Tensor:
    """The same with zeros beside the narrower ones of keys and values: torch's fast kernels know one width only."""
    width, of_values = max(int(q.shape[-1]), int(v.shape[-1])), int(v.shape[-1])
    view = replace(view, scale=view.scale or int(q.shape[-1]) ** -0.5)
    q, k, v = (pad(x, (0, width - int(x.shape[-1]))) for x in (q, k, v))
    return way(pattern, q, k, view)(pattern, q, k, v, view)[..., :of_values]


def way(pattern: Pattern, q: Tensor, k: Tensor, view: View) -> Way:  # noqa: PLR0911  # a line for each way
    """The function that computes it: the first of these that can and that is worth it."""
    n = int(q.shape[1])
    if not view.plain:  # a kernel under a mask knows biases and padding, and no kernel knows caps and sinks
        return scaled_dot_product.by_reference if view.special else scaled_dot_product.under_mask
    if n == 1:
        if _hides_none(pattern, int(k.shape[1])):
            return one_query.over_all
        return scaled_dot_product.under_mask if q.is_meta else one_query.over_seen
    if not view.from_start:  # a chunk behind a cache
        return scaled_dot_product.under_mask
    ahead: object = pattern.visible(0, 1, view.context)  # type: ignore[type-var]  # a tensor if contexts differ
    if ahead is not False:
        all_seen = isinstance(view.context, int) and pattern.visible(0, n - 1, view.context)
        return scaled_dot_product.over_all if all_seen else scaled_dot_product.under_mask
    if pattern.visible_pairs(n) == triangle(n):
        return scaled_dot_product.causally
    # On the meta device counters count what a kernel under a mask computes: there is nothing to save.
    worth_it = n >= tuning().sparse_from and not q.is_meta and not torch_private.transformed()
    return _by_cover if worth_it and implementation_of(pattern) is not None else scaled_dot_product.under_mask


def _hides_none(pattern: Pattern, keys: int) -> bool:
    """Whether a query behind so many keys sees them all."""
    return not pattern.forgets and pattern.visible_pairs(keys) == triangle(keys)


def _by_cover(pattern: Pattern, q: Tensor, k: Tensor, v: Tensor, view: View) -> Tensor:
    return cover(pattern, int(q.shape[1]), tuning()).attend(q, k, v, view.scale)


@lru_cache(maxsize=32)
def cover(pattern: Pattern, n: int, row: Tuning) -> Cover:
    """The visible pairs of n places, cut as a row of the table says."""
    stated: Cover = implementation_of(pattern)(pattern, n, row)  # type: ignore[misc]  # a pattern with none has no cover
    return stated
