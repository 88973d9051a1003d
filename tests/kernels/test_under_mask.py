"""Torch's kernel under a mask, strip by strip, against attention written out; and when no mask is needed."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import torch
from torch import Tensor

from harness.choices.patterns import Pattern, patterns
from harness.choices.positions.alibi import Alibi
from harness.modules.kernels import reference, scaled_dot_product
from harness.modules.kernels.attend import attend
from harness.modules.kernels.scaled_dot_product import Way, by_reference, under_mask
from harness.modules.kernels.view import View
from tests.kernels.rows import changed, counted

N, HEADS = 23, 4
PLACES = torch.arange(N)
PADDED = PLACES - torch.tensor([0, 3])[:, None]
PATTERNS = {
    "dense": patterns["dense"](),
    "prefix": patterns["prefix"](),
    "banded": patterns["banded"](window=5),
    "strided": patterns["strided"](stride=4),
}


def biases(queries: Tensor, keys: Tensor) -> Tensor:
    slopes = torch.tensor(Alibi.slopes(HEADS), dtype=torch.float64)[:, None, None]
    return slopes * (keys[..., None, None, :] - queries[..., None, :, None])


VIEWS: dict[str, Callable[[], View]] = {
    "plain": lambda: View(PLACES, PLACES, from_start=True),
    "with a bias": lambda: View(PLACES, PLACES, bias=biases, from_start=True),
    "with a cap": lambda: View(PLACES, PLACES, softcap=2.0, from_start=True),
    "padded": lambda: View(PADDED, PADDED),
    "padded, with a bias": lambda: View(PADDED, PADDED, bias=biases),
    "padded, some context": lambda: View(PADDED, PADDED, context=7),
    "padded, some context of each": lambda: View(PADDED, PADDED, context=torch.tensor([7, 2])),
    "some context": lambda: View(PLACES, PLACES, context=7, from_start=True),
    "some context of each": lambda: View(PLACES, PLACES, context=torch.tensor([7, 2]), from_start=True),
    "behind a cache": lambda: View(PLACES[9:], PLACES),
}


def drawn(view: View) -> list[Tensor]:
    """Queries, keys and values of two sequences, in float64, and what the gradient of the output is."""
    draw = torch.Generator().manual_seed(0)
    t, s = view.queries.shape[-1], view.keys.shape[-1]
    return [
        torch.randn(2, n, heads, 8, generator=draw, dtype=torch.float64, requires_grad=True)
        for n, heads in ((t, HEADS), (s, 2), (s, 2), (t, HEADS))
    ]


def computed(way: Way, pattern: Pattern, view: View) -> list[Tensor]:
    q, k, v, towards = drawn(view)
    out = way(pattern, q, k, v, view)
    return [out, *torch.autograd.grad(out, (q, k, v), towards)]


@pytest.mark.parametrize("kind", PATTERNS)
@pytest.mark.parametrize("seen", VIEWS)
@pytest.mark.parametrize("strip", [1, 4, 22, 23])
def test_strips_give_what_is_written_out(kind: str, seen: str, strip: int) -> None:
    view = VIEWS[seen]()
    expected = computed(reference.attend, PATTERNS[kind], view)
    with changed(mask_strip=strip):
        found = computed(under_mask if view.softcap is None else by_reference, PATTERNS[kind], view)
    for ours, written_out in zip(found, expected, strict=True):
        torch.testing.assert_close(ours, written_out, rtol=0.0, atol=1e-12)


@pytest.mark.parametrize(
    ("seen", "strip", "expected"),
    [
        ("plain", 10, [(10, 10), (10, 20), (3, 23)]),
        ("some context", 10, [(10, 10), (10, 20), (3, 23)]),
        ("some context", 6, [(6, 23), (6, 23), (6, 23), (5, 23)]),
        ("behind a cache", 10, [(10, 23), (4, 23)]),
    ],
)
def test_a_strip_has_no_key_behind_it_but_where_that_can_be_seen(
    seen: str, strip: int, expected: list[tuple[int, int]], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Queries and keys of each strip; seven of context lie within the first ten."""
    sizes = []
    of_strip = scaled_dot_product._masked

    def told(pattern: Pattern, q: Tensor, k: Tensor, v: Tensor, view: View) -> Tensor:
        sizes.append((q.shape[1], k.shape[1]))
        return of_strip(pattern, q, k, v, view)

    monkeypatch.setattr(scaled_dot_product, "_masked", told)
    with changed(mask_strip=strip):
        computed(under_mask, PATTERNS["prefix"], VIEWS[seen]())
    assert sizes == expected


@pytest.mark.parametrize(("context", "masks"), [(0, 0), (1, 0), (2, 1), (22, 1), (23, 0)])
def test_a_prefix_needs_a_mask_only_where_some_of_the_future_is_seen(
    context: int, masks: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    view = View(PLACES, PLACES, context=context, from_start=True)
    expected = computed(reference.attend, PATTERNS["prefix"], view)[0]
    called = counted(monkeypatch, reference, "mask")
    q, k, v, _ = drawn(view)
    found = attend(PATTERNS["prefix"], q, k, v, view)
    torch.testing.assert_close(found, expected, rtol=0.0, atol=1e-12)
    assert len(called) == masks
