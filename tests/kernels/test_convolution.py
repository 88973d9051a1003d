"""The short convolution against torch's own, whole and in pieces."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor
from torch.nn.functional import conv1d, pad

from harness.modules.kernels.convolution import convolution, kept, reference


def inputs(tokens: int, taps: int) -> tuple[Tensor, Tensor, Tensor]:
    generator = torch.Generator().manual_seed(tokens)
    shapes = ((2, tokens, 6), (6, taps), (6,))
    x, weight, bias = (torch.randn(shape, generator=generator, dtype=torch.float64) for shape in shapes)
    return x, weight, bias


@pytest.mark.parametrize("biased", [True, False])
@pytest.mark.parametrize(("tokens", "taps"), [(1, 4), (3, 4), (9, 3), (17, 1)])
def test_it_computes_what_torch_does(tokens: int, taps: int, biased: bool) -> None:
    x, weight, bias = (each.requires_grad_() for each in inputs(tokens, taps))
    added = bias if biased else None
    padded = pad(x.transpose(1, 2), (taps - 1, 0))
    expected = conv1d(padded, weight[:, None], added, groups=6).transpose(1, 2)
    trained = [x, weight, *([bias] if biased else [])]
    wanted = torch.autograd.grad(expected.square().sum(), trained)
    for compute in (convolution, reference):
        out = compute(x, weight, added)
        torch.testing.assert_close(out, expected, rtol=0.0, atol=1e-12)
        torch.testing.assert_close(torch.autograd.grad(out.square().sum(), trained), wanted, rtol=0.0, atol=1e-10)


def test_its_gradients_have_gradients() -> None:
    x, weight, bias = (each.requires_grad_() for each in inputs(5, 3))
    assert torch.autograd.gradcheck(convolution, (x, weight, bias))
    assert torch.autograd.gradgradcheck(convolution, (x, weight, bias))


@pytest.mark.parametrize("more", [0, 1])
@pytest.mark.parametrize("pieces", [[1] * 11, [4, 7], [2, 1, 8]])
def test_pieces_give_what_the_whole_does(pieces: list[int], more: int) -> None:
    """With as many inputs kept as are needed, and with one more, as some releases do."""
    x, weight, bias = inputs(11, 4)
    columns, found = None, []
    with torch.no_grad():
        for piece in x.split(pieces, dim=1):
            found.append(convolution(piece, weight, bias, columns))
            columns = kept(piece, columns, 3 + more)
            assert columns.shape == (2, 6, 3 + more)
    torch.testing.assert_close(torch.cat(found, dim=1), reference(x, weight, bias), rtol=0.0, atol=1e-12)
