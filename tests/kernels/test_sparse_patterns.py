"""The kernels of sparse patterns against attention written out, and that they save the work of hidden pairs."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
import torch
from torch import Tensor
from torch.utils._python_dispatch import TorchDispatchMode

from harness.choices.patterns import Pattern
from harness.choices.patterns.banded import Banded
from harness.choices.patterns.chunked import Chunked
from harness.choices.patterns.fixed import Fixed
from harness.choices.patterns.log_sparse import LogSparse
from harness.choices.patterns.strided import Strided
from harness.memory import peak_bytes
from harness.modules.kernels import attend as attend_module
from harness.modules.kernels import reference, torch_private
from harness.modules.kernels.attend import attend, way
from harness.modules.kernels.rectangles import Grid, Piece, Rectangles
from harness.modules.kernels.scaled_dot_product import by_reference, causally, under_mask
from harness.modules.kernels.view import View
from harness.tuning import NEVER, ROWS
from tests.contract.examples import TINY, lively, spec_with
from tests.kernels.rows import changed

PATTERNS = [
    *(Banded(window=window) for window in (1, 2, 16, 37, 128, 1024)),
    *(Strided(stride=stride) for stride in (2, 7, 16, 24, 100, 1024)),
    *(Fixed(block=block, summary=summary) for block, summary in ((1, 1), (8, 1), (8, 3), (16, 16), (25, 4), (1024, 5))),
    *(Chunked(size=size) for size in (1, 8, 25, 100, 1024)),
    LogSparse(),
]
FEW = [Banded(window=9), Strided(stride=6), Fixed(block=9, summary=2), LogSparse()]
LENGTHS = [1, 2, 17, 128, 129, 256, 301]
SHORTEST = {"rtol": 0.0, "atol": 1e-12}
"""Sums of some 300 numbers near 1 in float64, by two ways: errors are some 1e-14."""


@pytest.fixture(autouse=True, params=ROWS)
def every_length(request: pytest.FixtureRequest) -> Iterator[None]:
    """Short sequences too go through the sparse kernels, by every row of the table."""
    with changed(ROWS[request.param], sparse_from=1):
        yield


def drawn(n: int, batch: int = 2, heads: int = 4, kv_heads: int = 4, **options: Any) -> list[Tensor]:
    """Queries, keys and values, and what the output's gradient is."""
    generator = torch.Generator().manual_seed(n)
    options = {"dtype": torch.float64, **options}
    q, k, v, towards = (
        torch.randn(batch, n, count, 8, generator=generator, **options) for count in (heads, kv_heads, kv_heads, heads)
    )
    return [q.requires_grad_(), k.requires_grad_(), v.requires_grad_(), towards]


def view_of(n: int, **options: Any) -> View:
    return View(torch.arange(n), torch.arange(n), from_start=True, **options)


def results(
    attend: Any, pattern: Pattern, view: View, q: Tensor, k: Tensor, v: Tensor, towards: Tensor
) -> list[Tensor]:
    """The output and the gradients of queries, keys and values."""
    out = attend(pattern, q, k, v, view)
    return [out, *torch.autograd.grad(out, (q, k, v), towards)]


def assert_like_reference(pattern: Pattern, view: View, inputs: list[Tensor], **tolerance: float) -> None:
    found = results(attend, pattern, view, *inputs)
    for ours, written_out in zip(found, results(reference.attend, pattern, view, *inputs), strict=True):
        torch.testing.assert_close(ours, written_out, **(tolerance or SHORTEST))


@pytest.mark.parametrize("pattern", PATTERNS, ids=str)
@pytest.mark.parametrize("n", LENGTHS)
def test_outputs_and_gradients_are_those_of_masked_dense_attention(pattern: Pattern, n: int) -> None:
    assert_like_reference(pattern, view_of(n), drawn(n))


@pytest.mark.parametrize(
    "pattern",
    [
        Banded(window=600),
        Banded(window=1030),
        Strided(stride=2),
        Fixed(block=30, summary=2),
        Fixed(block=600, summary=9),
        Chunked(size=600),
    ],
    ids=str,
)
def test_long_triangles_wide_bands_and_several_chunks(pattern: Pattern) -> None:
    assert_like_reference(pattern, view_of(1300), drawn(1300, batch=1, heads=2, kv_heads=1))


@pytest.mark.parametrize("pattern", PATTERNS, ids=str)
@pytest.mark.parametrize("kv_heads", [1, 2])
def test_query_groups_share_keys(pattern: Pattern, kv_heads: int) -> None:
    assert_like_reference(pattern, view_of(150), drawn(150, kv_heads=kv_heads))


@pytest.mark.parametrize("pattern", PATTERNS, ids=str)
def test_scores_are_scaled_as_told(pattern: Pattern) -> None:
    assert_like_reference(pattern, view_of(150, scale=0.7), drawn(150))


@pytest.mark.parametrize("pattern", PATTERNS, ids=str)
@pytest.mark.parametrize("n", [150, 301])
def test_without_the_flash_kernel_the_same_is_computed(
    pattern: Pattern, n: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(torch_private, "FLASH", None)
    assert_like_reference(pattern, view_of(n), drawn(n, kv_heads=2))


@pytest.mark.parametrize("pattern", PATTERNS, ids=str)
def test_single_precision_is_as_exact_as_the_dense_kernel(pattern: Pattern) -> None:
    assert_like_reference(pattern, view_of(301), drawn(301, dtype=torch.float32), rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize("pattern", PATTERNS, ids=str)
def test_half_precision_is_that_of_its_numbers(pattern: Pattern) -> None:
    """bfloat16 keeps 8 bits: numbers of up to 4 are off by up to 2^-6, and a few roundings add up."""
    inputs = drawn(200, dtype=torch.bfloat16)
    exact = [x.detach().double().requires_grad_() for x in inputs]
    found = results(attend, pattern, view_of(200), *inputs)
    for ours, written_out in zip(found, results(reference.attend, pattern, view_of(200), *exact), strict=True):
        assert ours.dtype == torch.bfloat16
        torch.testing.assert_close(ours.double(), written_out, rtol=2**-5, atol=2**-5)


@pytest.mark.parametrize("pattern", PATTERNS, ids=str)
def test_slices_of_one_projection_are_read_where_they_lie(pattern: Pattern) -> None:
    q, k, v, towards = drawn(150)
    fused = torch.cat([x.detach().flatten(2) for x in (q, k, v)], dim=-1).requires_grad_()
    parts = [part.unflatten(-1, (4, 8)) for part in fused.split(32, dim=-1)]
    out = attend(pattern, *parts, view_of(150))
    (gradient,) = torch.autograd.grad(out, fused, towards)
    expected = results(reference.attend, pattern, view_of(150), q, k, v, towards)
    torch.testing.assert_close(out, expected[0], **SHORTEST)
    torch.testing.assert_close(gradient, torch.cat([x.flatten(2) for x in expected[1:]], dim=-1), **SHORTEST)


class Largest(TorchDispatchMode):
    """Elements of the largest tensor that any operator makes."""

    elements = 0

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        out = func(*args, **(kwargs or {}))
        for tensor in out if isinstance(out, tuple | list) else [out]:
            if isinstance(tensor, Tensor):
                self.elements = max(self.elements, tensor.untyped_storage().nbytes() // tensor.element_size())
        return out


@pytest.mark.parametrize(
    "pattern", [Banded(window=32), Strided(stride=32), Fixed(block=32, summary=1), LogSparse()], ids=str
)
@pytest.mark.parametrize("flash", [True, False])
def test_no_square_of_the_length_is_ever_made(pattern: Pattern, flash: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    if not flash:
        monkeypatch.setattr(torch_private, "FLASH", None)
    n = 2048
    inputs = drawn(n, batch=1, heads=1, kv_heads=1, dtype=torch.float32)
    with Largest() as largest:
        results(attend, pattern, view_of(n), *inputs)
    with Largest() as by_mask:
        results(reference.attend, pattern, view_of(n), *inputs)
    assert by_mask.elements >= n * n
    assert largest.elements < n * n // 8


def test_a_bias_a_cap_and_a_cache_go_the_dense_way() -> None:
    q, *_ = drawn(150)
    places = torch.arange(150)
    for view in (
        view_of(150, bias=lambda queries, keys: torch.zeros(4, len(queries), len(keys))),
        View(places, places),
        View(places.expand(2, -1), places.expand(2, -1)),
    ):
        assert way(Banded(window=7), q, q, view) is under_mask
    assert way(Banded(window=7), q, q, view_of(150, softcap=20.0)) is by_reference
    assert way(Banded(window=7), q, q, view_of(150)) is attend_module._by_cover
    assert way(Banded(window=150), q, q, view_of(150)) is causally
    assert way(Banded(window=7), q.to("meta"), q.to("meta"), view_of(150)) is under_mask


@pytest.mark.parametrize("pattern", PATTERNS, ids=str)
def test_one_query_reads_only_the_keys_that_it_sees(pattern: Pattern) -> None:
    n = 300
    q, k, v, _ = drawn(n)
    query = View(torch.tensor([n - 1]), torch.arange(n))
    found = attend(pattern, q[:, -1:], k, v, query)
    torch.testing.assert_close(found, reference.attend(pattern, q[:, -1:], k, v, query), **SHORTEST)


@pytest.mark.parametrize("pattern", FEW, ids=str)
def test_a_model_learns_as_with_masks(pattern: Pattern) -> None:
    model = lively(spec_with("pattern", pattern))
    tokens = torch.randint(0, TINY.vocab_size, (2, 50), generator=torch.Generator().manual_seed(0))
    gradients = []
    for shortest in (1, NEVER):
        model.zero_grad()
        with changed(sparse_from=shortest):
            model(tokens).logsumexp(-1).sum().backward()
        gradients.append([parameter.grad.clone() for parameter in model.parameters() if parameter.grad is not None])
    assert len(gradients[0]) == len(list(model.parameters()))
    for ours, written_out in zip(*gradients, strict=True):
        torch.testing.assert_close(ours, written_out, rtol=1e-9, atol=1e-10)


@pytest.mark.parametrize("pattern", [Strided(stride=16), Fixed(block=16, summary=2), LogSparse()], ids=str)
def test_one_query_copies_only_the_keys_that_it_sees(pattern: Pattern) -> None:
    """Not the whole cache, which lies head by head and has room for more."""
    n = 2048
    k, v = (torch.randn(1, 4, n + 8, 64).transpose(1, 2)[:, :n] for _ in range(2))
    q, view = torch.randn(1, 1, 4, 64), View(torch.tensor([n - 1]), torch.arange(n))
    attend(pattern, q, k, v, view)
    assert peak_bytes(lambda: attend(pattern, q, k, v, view)) < k.nbytes / 2


def test_the_pieces_that_come_first_must_show_every_query_something() -> None:
    all_of_three, last_two = Piece(Grid(0, 3), Grid(0, 1)), Piece(Grid(1, 2), Grid(1, 1))
    assert Rectangles(3, [all_of_three, last_two]).first == [True, False]
    with pytest.raises(ValueError, match="some of 4 queries see nothing"):
        Rectangles(4, [all_of_three])
    with pytest.raises(ValueError, match="and others"):
        Rectangles(3, [last_two, all_of_three])


@pytest.mark.parametrize(
    "pattern", [Banded(window=9), Strided(stride=6), Fixed(block=9, summary=2), LogSparse()], ids=str
)
def test_a_gradient_of_gradients_is_refused_and_not_cut_short(pattern: Pattern) -> None:
    q, k, v, towards = drawn(50)
    with pytest.raises(NotImplementedError, match="no second derivative"):
        torch.autograd.grad(attend(pattern, q, k, v, view_of(50)), q, towards, create_graph=True)


@pytest.mark.filterwarnings("ignore:`torch.jit.script` is deprecated")  # as torch does it for dual numbers
@pytest.mark.filterwarnings("ignore:`torch.jit.trace` is deprecated")
@pytest.mark.filterwarnings("ignore::torch.jit.TracerWarning")
@pytest.mark.parametrize("pattern", [Banded(window=9), LogSparse()], ids=str)
def test_transforms_and_tracers_get_a_way_that_they_know(pattern: Pattern) -> None:
    q, k, v, _ = (x.detach() for x in drawn(50))

    def total(q: Tensor) -> Tensor:
        return attend(pattern, q, k, v, view_of(50)).square().sum()

    (expected,) = torch.autograd.grad(total(q.requires_grad_()), q)
    torch.testing.assert_close(torch.func.grad(total)(q.detach()), expected, **SHORTEST)
    assert "scaled_dot_product" in str(torch.jit.trace(total, (q.detach(),)).graph)


@pytest.mark.parametrize("pattern", PATTERNS, ids=str)
@pytest.mark.parametrize("n", [1, 40])
def test_no_sequence_gives_nothing(pattern: Pattern, n: int) -> None:
    q, k, v, _ = drawn(n, batch=0)
    assert attend(pattern, q, k, v, view_of(n)).shape == (0, n, 4, 8)
    assert attend(pattern, q[:, -1:], k, v, View(torch.tensor([n - 1]), torch.arange(n))).shape == (0, 1, 4, 8)


@pytest.mark.parametrize(
    "pattern", [Banded(window=9), Strided(stride=6), Fixed(block=9, summary=2), LogSparse()], ids=str
)
def test_channels_may_lie_apart(pattern: Pattern) -> None:
    apart = [x.detach().transpose(1, 3).contiguous().transpose(1, 3).requires_grad_() for x in drawn(50)[:3]]
    assert apart[0].stride(-1) != 1
    assert_like_reference(pattern, view_of(50), [*apart, drawn(50)[3]])


def test_a_band_sees_by_places_and_not_by_number() -> None:
    """Keys far behind one query are hidden, however few there are."""
    q, (k, v) = drawn(1, kv_heads=4)[0], drawn(5)[1:3]
    view = View(torch.tensor([90]), torch.tensor([0, 1, 2, 89, 90]))
    found = attend(Banded(window=8), q, k, v, view)
    torch.testing.assert_close(found, reference.attend(Banded(window=8), q, k, v, view), **SHORTEST)
