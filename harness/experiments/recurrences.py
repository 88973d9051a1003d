"""Recurrences that attention is timed beside: what mixes the tokens, between the projections, on numbers at hand."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from harness.timing import device

if TYPE_CHECKING:
    from torch import Tensor

STATE = 128
"""Numbers of a state for each channel of Mamba-2, as its releases have them."""
SMALL_STATE = 16
"""The same of Mamba."""


@dataclass(frozen=True)
class Recurrence:
    """One kind of mixer, of as many heads and channels as the attention beside it.

    Attributes:
        options: what was chosen, for tables.
        flops: of one token, forward: what is looked up in the state, added to it, and read.
        mixing: random inputs of so many tokens, and what mixes them.
    """

    options: dict[str, int]
    flops: Callable[[int, int], int]
    mixing: Callable[[int, int, int], tuple[list[Tensor], Callable[..., Tensor]]]


def _normal(*shape: int) -> Tensor:
    import torch

    return torch.randn(shape, device=device())


def _decays(*shape: int) -> Tensor:
    """Logarithms of decays, as fresh models have them."""
    import torch

    return -torch.rand(shape, device=device())


def _mamba(n: int, heads: int, channels: int) -> tuple[list[Tensor], Callable[..., Tensor]]:
    from harness.modules.kernels.scan import selective

    inner = heads * channels
    given = [
        _normal(1, n, inner),
        -_decays(1, n, inner),
        _decays(inner, SMALL_STATE),
        _normal(1, n, SMALL_STATE),
        _normal(1, n, SMALL_STATE),
    ]
    return given, lambda *each: selective(*each)[0]


def _mamba2(n: int, heads: int, channels: int) -> tuple[list[Tensor], Callable[..., Tensor]]:
    from harness.modules.kernels.decayed import decayed

    shared = [_normal(1, n, 1, STATE), _normal(1, n, 1, STATE)]
    return [*shared, _normal(1, n, heads, channels), _decays(1, n, heads)], lambda *each: decayed(*each)[0]


def _gated_delta(n: int, heads: int, channels: int) -> tuple[list[Tensor], Callable[..., Tensor]]:
    from torch.nn.functional import normalize

    from harness.modules.kernels.delta import delta

    units = [normalize(_normal(1, n, heads, channels), dim=-1) for _ in range(2)]
    rest = [_normal(1, n, heads, channels), _normal(1, n, heads).sigmoid(), _decays(1, n, heads)]
    return [*units, *rest], lambda *each: delta(*each)[0]


RECURRENCES = {
    "mamba": Recurrence({"state_size": SMALL_STATE}, lambda heads, width: 4 * heads * width * SMALL_STATE, _mamba),
    "mamba2": Recurrence({"state_size": STATE}, lambda heads, width: 4 * heads * width * STATE, _mamba2),
    "gated_delta": Recurrence({}, lambda heads, width: 6 * heads * width * width, _gated_delta),
}
"""By the kind of mixer."""


def call_of(kind: str, n: int, which: str, heads: int, channels: int) -> Callable[[], object]:
    """A pass over n tokens, `forward` or `training`, in float32, in which states are kept."""
    import torch

    given, mix = RECURRENCES[kind].mixing(n, heads, channels)
    if which == "forward":
        return torch.no_grad()(lambda: mix(*given))
    for each in given:
        each.requires_grad_()
    ahead = torch.randn_like(mix(*given))
    return lambda: torch.autograd.grad(mix(*given), given, ahead)
