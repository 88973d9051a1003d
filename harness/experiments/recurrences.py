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
    """Logarithms of decays between 1 / e and 1."""
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
    return _delta(n, heads, channels, _decays(1, n, heads))


def _kimi_delta(n: int, heads: int, channels: int) -> tuple[list[Tensor], Callable[..., Tensor]]:
    return _delta(n, heads, channels, _decays(1, n, heads, channels))


def _delta(n: int, heads: int, channels: int, decays: Tensor) -> tuple[list[Tensor], Callable[..., Tensor]]:
    from torch.nn.functional import normalize

    from harness.modules.kernels.delta import delta

    units = [normalize(_normal(1, n, heads, channels), dim=-1) for _ in range(2)]
    rest = [_normal(1, n, heads, channels), _normal(1, n, heads).sigmoid(), decays]
    return [*units, *rest], lambda *each: delta(*each)[0]


def _lightning(n: int, heads: int, channels: int) -> tuple[list[Tensor], Callable[..., Tensor]]:
    import torch

    from harness.modules.kernels.steady import steady

    slopes = torch.rand(heads, dtype=torch.float64, device=device())
    given = [_normal(1, n, heads, channels) for _ in range(3)]
    return given, lambda q, k, v: steady(q, k, v, slopes)[0]


def _rg_lru(n: int, heads: int, channels: int) -> tuple[list[Tensor], Callable[..., Tensor]]:
    from harness.modules.kernels.scan import scan

    inner = heads * channels
    return [_decays(n, 1, inner), _normal(n, 1, inner), _normal(1, inner)], lambda log_a, *each: scan(
        log_a.exp(), *each
    )


def _rwkv(n: int, heads: int, channels: int) -> tuple[list[Tensor], Callable[..., Tensor]]:
    from harness.modules.kernels.wkv import wkv

    inner = heads * channels
    given = [_normal(1, n, inner), _normal(1, n, inner), -_decays(inner), _normal(inner)]
    return given, lambda *each: wkv(*each)[0]


Update = Callable[..., "tuple[Tensor, Tensor]"]
"""Inputs of one token, and the state before it -> its output, and the state behind it."""


def _mamba2_step(batch_size: int, heads: int, channels: int) -> tuple[list[Tensor], Update, Tensor]:
    from harness.modules.kernels.decayed import decayed

    shared = [_normal(batch_size, 1, 1, STATE), _normal(batch_size, 1, 1, STATE)]
    given = [*shared, _normal(batch_size, 1, heads, channels), _decays(batch_size, 1, heads)]
    return given, decayed, _normal(batch_size, heads, STATE, channels)


def _gated_delta_step(batch_size: int, heads: int, channels: int) -> tuple[list[Tensor], Update, Tensor]:
    from torch.nn.functional import normalize

    from harness.modules.kernels.delta import delta

    units = [normalize(_normal(batch_size, 1, heads, channels), dim=-1) for _ in range(2)]
    rest = [_normal(batch_size, 1, heads, channels), _normal(batch_size, 1, heads).sigmoid()]
    state = _normal(batch_size, heads, channels, channels)
    return [*units, *rest, _decays(batch_size, 1, heads)], delta, state


STEPS = {"mamba2": _mamba2_step, "gated_delta": _gated_delta_step}
"""By the kind of mixer: inputs of one token for each sequence, what updates the state, and a state."""

RECURRENCES = {
    "mamba": Recurrence({"state_size": SMALL_STATE}, lambda heads, width: 4 * heads * width * SMALL_STATE, _mamba),
    "mamba2": Recurrence({"state_size": STATE}, lambda heads, width: 4 * heads * width * STATE, _mamba2),
    "gated_delta": Recurrence({}, lambda heads, width: 6 * heads * width * width, _gated_delta),
    "kimi_delta": Recurrence({}, lambda heads, width: 6 * heads * width * width, _kimi_delta),
    "lightning": Recurrence({}, lambda heads, width: 4 * heads * width * width, _lightning),
    "rg_lru": Recurrence({}, lambda heads, width: 0, _rg_lru),
    "rwkv": Recurrence({}, lambda heads, width: 0, _rwkv),
}
"""By the kind of mixer. What works element by element is billed no FLOPs."""
QUICK = ("mamba2", "gated_delta")
"""Those that stand for the rest in the quick profile."""


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
