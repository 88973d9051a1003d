"""The kernels of sparse patterns against dense attention under the pattern's mask, and that they save its work."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import Tensor
from torch.utils._python_dispatch import TorchDispatchMode

from harness.choices.patterns import Pattern
from harness.choices.patterns.banded import Banded
from harness.choices.patterns.fixed import Fixed
from harness.choices.patterns.log_sparse import LogSparse
from harness.choices.patterns.strided import Strided
from harness.memory import peak_bytes
from harness.modules import computed_by
from harness.modules.patterns import View, kernels, masked, pieces, sparse
from harness.modules.patterns.masked import attend_masked
from tests.contract.examples import TINY, lively, spec_with

PATTERNS = [
    *(Banded(window=window) for window in (1, 2, 16, 37, 128, 1024)),
    *(Strided(stride=stride) for stride in (2, 7, 16, 24, 100, 1024)),
    *(Fixed(block=block, summary=summary) for block, summary in ((1, 1), (8, 1), (8, 3), (16, 16), (25, 4), (1024, 5))),
    LogSparse(),
]
LENGTHS = [1, 2, 17, 128, 129, 256, 301]
SHORTEST = {"rtol": 0.0, "atol": 1e-12}
"""Sums of some 300 numbers near 1 in float64, by two ways: errors are some 1e-14."""


@pytest.fixture(autouse=True)
def every_length(monkeypatch: pytest.MonkeyPatch) -> None:
    """Short sequences too go through the sparse kernels."""
    monkeypatch.setattr(sparse, "SHORT", 1)


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


def assert_like_masked(pattern: Pattern, view: View, inputs: list[Tensor], **tolerance: float) -> None:
    found = results(computed_by(pattern), pattern, view, *inputs)
    for ours, reference in zip(found, results(attend_masked, pattern, view, *inputs), strict=True):
        torch.testing.assert_close(ours, reference, **(tolerance or SHORTEST))


@pytest.mark.parametrize("pattern", PATTERNS, ids=str)
@pytest.mark.parametrize("n", LENGTHS)
def test_outputs_and_gradients_are_those_of_masked_dense_attention(pattern: Pattern, n: int) -> None:
    assert_like_masked(pattern, view_of(n), drawn(n))


@pytest.mark.parametrize(
    "pattern",
    [
        Banded(window=600),
        Banded(window=1030),
        Strided(stride=2),
        Fixed(block=30, summary=2),
        Fixed(block=600, summary=9),
    ],
    ids=str,
)
def test_long_triangles_wide_bands_and_several_chunks(pattern: Pattern) -> None:
    assert_like_masked(pattern, view_of(1300), drawn(1300, batch=1, heads=2, kv_heads=1))


@pytest.mark.parametrize("pattern", PATTERNS, ids=str)
@pytest.mark.parametrize("kv_heads", [1, 2])
def test_query_groups_share_keys(pattern: Pattern, kv_heads: int) -> None:
    assert_like_masked(pattern, view_of(150), drawn(150, kv_heads=kv_heads))


@pytest.mark.parametrize("pattern", PATTERNS, ids=str)
def test_scores_are_scaled_as_told(pattern: Pattern) -> None:
    assert_like_masked(pattern, view_of(150, scale=0.7), drawn(150))


@pytest.mark.parametrize("pattern", PATTERNS, ids=str)
@pytest.mark.parametrize("n", [150, 301])
def test_devices_without_the_flash_kernel_compute_the_same(
    pattern: Pattern, n: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pieces, "kernel_for", lambda device: kernels.Plain())
    assert_like_masked(pattern, view_of(n), drawn(n, kv_heads=2))


@pytest.mark.parametrize("pattern", PATTERNS, ids=str)
def test_single_precision_is_as_exact_as_the_dense_kernel(pattern: Pattern) -> None:
    assert_like_masked(pattern, view_of(301), drawn(301, dtype=torch.float32), rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize("pattern", PATTERNS, ids=str)
def test_half_precision_is_that_of_its_numbers(pattern: Pattern) -> None:
    """bfloat16 keeps 8 bits: numbers of up to 4 are off by up to 2^-6, and a few roundings add up."""
    inputs = drawn(200, dtype=torch.bfloat16)
    exact = [x.detach().double().requires_grad_() for x in inputs]
    found = results(computed_by(pattern), pattern, view_of(200), *inputs)
    for ours, reference in zip(found, results(attend_masked, pattern, view_of(200), *exact), strict=True):
        assert ours.dtype == torch.bfloat16
        torch.testing.assert_close(ours.double(), reference, rtol=2**-5, atol=2**-5)


@pytest.mark.parametrize("pattern", PATTERNS, ids=str)
def test_slices_of_one_projection_are_read_where_they_lie(pattern: Pattern) -> None:
    q, k, v, towards = drawn(150)
    fused = torch.cat([x.detach().flatten(2) for x in (q, k, v)], dim=-1).requires_grad_()
    parts = [part.unflatten(-1, (4, 8)) for part in fused.split(32, dim=-1)]
    out = computed_by(pattern)(pattern, *parts, view_of(150))
    (gradient,) = torch.autograd.grad(out, fused, towards)
    expected = results(attend_masked, pattern, view_of(150), q, k, v, towards)
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
@pytest.mark.parametrize("kernel", [kernels.Flash, kernels.Plain])
def test_no_square_of_the_length_is_ever_made(
    pattern: Pattern, kernel: type[kernels.Kernel], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pieces, "kernel_for", lambda device: kernel())
    n = 2048
    inputs = drawn(n, batch=1, heads=1, kv_heads=1, dtype=torch.float32)
    with Largest() as largest:
        results(computed_by(pattern), pattern, view_of(n), *inputs)
    monkeypatch.setattr(masked, "STRIP", n)
    with Largest() as by_mask:
        results(attend_masked, pattern, view_of(n), *inputs)
    assert by_mask.elements >= n * n
    assert largest.elements < n * n // 8


def test_a_bias_a_cap_and_a_cache_go_the_dense_way() -> None:
    q, *_ = drawn(150)
    places = torch.arange(150)
    plain, padded = View(places, places, from_start=True), View(places.expand(2, -1), places.expand(2, -1))
    for view in (
        view_of(150, bias=lambda queries, keys: torch.zeros(4, len(queries), len(keys))),
        view_of(150, softcap=20.0),
        View(places, places),
        padded,
    ):
        assert not sparse.pays(Banded(window=7), q, view)
    assert sparse.pays(Banded(window=7), q, plain)
    assert not sparse.pays(Banded(window=150), q, plain)
    assert not sparse.pays(Banded(window=7), q.to("meta"), plain)


@pytest.mark.parametrize("pattern", PATTERNS, ids=str)
def test_one_query_reads_only_the_keys_that_it_sees(pattern: Pattern) -> None:
    n = 300
    q, k, v, _ = drawn(n)
    query = View(torch.tensor([n - 1]), torch.arange(n))
    found = computed_by(pattern)(pattern, q[:, -1:], k, v, query)
    torch.testing.assert_close(found, attend_masked(pattern, q[:, -1:], k, v, query), **SHORTEST)


@pytest.mark.parametrize(
    "pattern", [Banded(window=9), Strided(stride=6), Fixed(block=9, summary=2), LogSparse()], ids=str
)
def test_a_model_learns_as_with_masks(pattern: Pattern, monkeypatch: pytest.MonkeyPatch) -> None:
    model = lively(spec_with("pattern", pattern))
    tokens = torch.randint(0, TINY.vocab_size, (2, 50), generator=torch.Generator().manual_seed(0))
    gradients = []
    for shortest in (1, 51):
        monkeypatch.setattr(sparse, "SHORT", shortest)
        model.zero_grad()
        model(tokens).logsumexp(-1).sum().backward()
        gradients.append([parameter.grad.clone() for parameter in model.parameters() if parameter.grad is not None])
    assert len(gradients[0]) == len(list(model.parameters()))
    for ours, reference in zip(*gradients, strict=True):
        torch.testing.assert_close(ours, reference, rtol=1e-9, atol=1e-10)


@pytest.mark.parametrize("pattern", [Strided(stride=16), Fixed(block=16, summary=2), LogSparse()], ids=str)
def test_one_query_copies_only_the_keys_that_it_sees(pattern: Pattern) -> None:
    """Not the whole cache, which lies head by head and has room for more."""
    n = 2048
    k, v = (torch.randn(1, 4, n + 8, 64).transpose(1, 2)[:, :n] for _ in range(2))
    q, view = torch.randn(1, 1, 4, 64), View(torch.tensor([n - 1]), torch.arange(n))
    attend = computed_by(pattern)
    attend(pattern, q, k, v, view)
    assert peak_bytes(lambda: attend(pattern, q, k, v, view)) < k.nbytes / 2
