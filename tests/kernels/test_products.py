"""Products by either library against float64."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest
import torch
from torch import Tensor
from torch.autograd import forward_ad
from torch.utils.flop_counter import FlopCounterMode

from harness.modules.kernels import products, torch_private
from harness.modules.kernels.products import product
from harness.tuning import TORCH, tuned
from tests.kernels.rows import onednn

WIDTH, OUT = 96, 160


def noise(*shape: int, seed: int = 0) -> Tensor:
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed))


VECTORS: dict[str, Callable[[], Tensor]] = {
    "one": lambda: noise(WIDTH),
    "none": lambda: noise(0, WIDTH),
    "few": lambda: noise(3, WIDTH),
    "many": lambda: noise(100, WIDTH),
    "of a batch": lambda: noise(3, 50, WIDTH),
    "of every head": lambda: noise(2, 3, 40, WIDTH),
    "with others between": lambda: noise(3, 100, WIDTH)[:, ::2],
    "laid out the other way": lambda: noise(WIDTH, 100).T,
    "that end a larger matrix": lambda: noise(100, 2 * WIDTH)[:, WIDTH:],
}
MATRICES: dict[str, Callable[[], Tensor]] = {
    "row by row": lambda: noise(OUT, WIDTH, seed=1),
    "column by column": lambda: noise(WIDTH, OUT, seed=1).T,
    "a part of one": lambda: noise(2 * OUT, 2 * WIDTH, seed=1)[OUT:, WIDTH:],
}


@pytest.fixture(autouse=True)
def _by_onednn() -> Iterator[None]:
    with tuned(onednn()):
        yield


@pytest.mark.parametrize("grad", [False, True])
@pytest.mark.parametrize("bias", [False, True])
@pytest.mark.parametrize("matrix", MATRICES)
@pytest.mark.parametrize("vectors", VECTORS)
def test_a_product_is_its_sums(vectors: str, matrix: str, bias: bool, grad: bool) -> None:
    x, w, b = VECTORS[vectors](), MATRICES[matrix](), noise(OUT, seed=2) if bias else None
    exact = x.double() @ w.double().T + (b.double() if b is not None else 0)
    with torch.set_grad_enabled(grad):
        found = product(x, w, b)
    # the roundings of 96 products of numbers of some 1: each is below 2^-24 of a sum of up to 40
    torch.testing.assert_close(found.double(), exact, rtol=0.0, atol=1e-4)


def test_onednn_is_taken_where_it_suits_and_nowhere_else(monkeypatch: pytest.MonkeyPatch) -> None:
    x, w = noise(100, WIDTH), noise(OUT, WIDTH, seed=1)
    with torch.no_grad():
        assert products.by_onednn(x, w)
        assert products.by_onednn(x, w.T.contiguous().T)
        assert not products.by_onednn(x, noise(OUT, 2 * WIDTH)[:, :WIDTH])
        assert not products.by_onednn(x.double(), w.double())
        assert not products.by_onednn(x.to("meta"), w.to("meta"))
        with torch.autocast("cpu", torch.bfloat16):
            assert not products.by_onednn(x, w)
            assert product(x, w).dtype == torch.bfloat16
        with tuned(onednn(onednn_from=100 * WIDTH * OUT + 1)):
            assert not products.by_onednn(x, w)
            assert products.by_onednn(x, w, trained=True)
        monkeypatch.setattr(torch_private, "ONEDNN_LINEAR", None)
        assert not products.by_onednn(x, w)
        torch.testing.assert_close(product(x, w), x @ w.T)


@pytest.mark.parametrize("bias", [False, True])
@pytest.mark.parametrize("matrix", MATRICES)
@pytest.mark.parametrize("vectors", VECTORS)
def test_its_gradients_are_those_of_the_sums(vectors: str, matrix: str, bias: bool) -> None:
    inputs = [VECTORS[vectors](), MATRICES[matrix](), *([noise(OUT, seed=2)] if bias else [])]
    found, exact = (
        torch.autograd.grad(weighted_squares(inputs_of), inputs_of)
        for inputs_of in ([x.requires_grad_() for x in inputs], [x.detach().double().requires_grad_() for x in inputs])
    )
    for one, other in zip(found, exact, strict=True):
        assert one.shape == other.shape
        torch.testing.assert_close(
            one.double(), other, rtol=1e-5, atol=1e-5 * float(other.abs().max()) if len(other) else 0
        )


def weighted_squares(inputs: list[Tensor]) -> Tensor:
    """A number whose gradients differ in every place."""
    out = product(*inputs)
    weights = torch.arange(out.numel(), dtype=out.dtype).view(out.shape).cos()
    return (out.square() * weights).sum()


@pytest.mark.parametrize("of", [0, 1])
def test_only_the_gradients_that_are_asked_for_are_computed(of: int, monkeypatch: pytest.MonkeyPatch) -> None:
    inputs = [noise(100, WIDTH), noise(OUT, WIDTH, seed=1)]
    inputs[of].requires_grad_()
    out = product(*inputs)
    multiplied = []
    by_onednn = torch_private.onednn_linear
    monkeypatch.setattr(torch_private, "onednn_linear", lambda *of: multiplied.append(of) or by_onednn(*of))
    (grad,) = torch.autograd.grad(out.sum(), inputs[of])
    assert len(multiplied) == 1
    assert grad.shape == inputs[of].shape


def test_gradients_have_gradients() -> None:
    def norm_of_gradient(x: Tensor, w: Tensor) -> Tensor:
        (grad,) = torch.autograd.grad(product(x, w).square().sum(), x, create_graph=True)
        return grad.square().sum()

    x, w = noise(100, WIDTH).requires_grad_(), noise(OUT, WIDTH, seed=1).requires_grad_()
    found = torch.autograd.grad(norm_of_gradient(x, w), (x, w))
    x, w = (each.detach().double().requires_grad_() for each in (x, w))
    for one, other in zip(found, torch.autograd.grad(norm_of_gradient(x, w), (x, w)), strict=True):
        torch.testing.assert_close(one.double(), other, rtol=1e-4, atol=1e-5 * float(other.abs().max()))


def test_a_gradient_is_worth_it_from_larger_products_on(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whether there is one is asked of what is multiplied: evaluation with gradients enabled has none."""
    x, w = noise(100, WIDTH), noise(OUT, WIDTH, seed=1)
    multiplied = []
    by_onednn = torch_private.onednn_linear
    monkeypatch.setattr(torch_private, "onednn_linear", lambda *of: multiplied.append(of) or by_onednn(*of))
    with tuned(onednn(onednn_gradients_from=100 * WIDTH * OUT + 1)):
        product(x, w.requires_grad_())
        assert not multiplied
        product(x, w.detach())
    assert len(multiplied) == 1


def test_rows_without_it_never_ask_for_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch_private, "ONEDNN_LINEAR", None)
    monkeypatch.setattr(torch_private, "watched", lambda: pytest.fail("asked"))
    x, w = noise(100, WIDTH), noise(OUT, WIDTH, seed=1)
    with tuned(TORCH):
        assert torch.equal(product(x, w), torch.nn.functional.linear(x, w))


@pytest.mark.parametrize("gone", ["_len_torch_dispatch_stack", "_are_functorch_transforms_active"])
def test_where_torch_no_longer_tells_who_watches_nothing_private_is_called(
    gone: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    x, w = noise(100, WIDTH), noise(OUT, WIDTH, seed=1)
    assert products.by_onednn(x, w)
    monkeypatch.delattr(torch._C, gone)
    assert torch_private.watched()
    assert not products.by_onednn(x, w)


@pytest.mark.parametrize(("frozen", "saved"), [("nothing", 2), ("x", 1), ("w", 1), ("x and w", 0)])
def test_only_what_a_gradient_needs_is_kept(frozen: str, saved: int) -> None:
    x, w, b = noise(100, WIDTH), noise(OUT, WIDTH, seed=1), noise(OUT, seed=2).requires_grad_()
    x.requires_grad_("x" not in frozen)
    w.requires_grad_("w" not in frozen)
    kept = []
    with torch.autograd.graph.saved_tensors_hooks(lambda tensor: kept.append(tensor) or tensor, lambda tensor: tensor):
        product(x, w, b).sum().backward()
    assert len(kept) == saved


@pytest.mark.filterwarnings("ignore:`torch.jit.script` is deprecated")  # as torch does it for dual numbers
def test_counters_and_transforms_see_a_product_that_they_know() -> None:
    x, w = noise(100, WIDTH), noise(OUT, WIDTH, seed=1)
    with FlopCounterMode(display=False) as counter:
        product(x, w.requires_grad_()).sum().backward()
    assert counter.get_total_flops() == 2 * 2 * 100 * WIDTH * OUT
    torch.testing.assert_close(torch.func.grad(lambda w: product(x, w).sum())(w), x.sum(0).expand(OUT, -1))
    with forward_ad.dual_level(), torch.no_grad():
        tangent = forward_ad.unpack_dual(product(forward_ad.make_dual(x, x), w)).tangent
    torch.testing.assert_close(tangent, x @ w.T)


@pytest.mark.filterwarnings("ignore:`torch.jit.trace` is deprecated")  # as fvcore does it
def test_a_traced_product_is_one_that_counters_know() -> None:
    with torch.no_grad():
        graph = torch.jit.trace(product, (noise(100, WIDTH), noise(OUT, WIDTH, seed=1))).graph
    assert "aten::linear" in str(graph)
    assert "mkldnn" not in str(graph)
