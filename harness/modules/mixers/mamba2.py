"""Mamba-2."""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn
from torch.nn.functional import rms_norm, silu, softplus

from harness.choices.axes import Choices
from harness.choices.base import Dims
from harness.choices.mixers.mamba2 import Mamba2
from harness.modules import computes
from harness.modules.kernels.convolution import convolution, kept
from harness.modules.kernels.decayed import decayed
from harness.modules.layers import Linear
from harness.modules.states import Carried, Room
from harness.modules.step import LayerStep

FIRST_A = (1.0, 16.0)
FIRST_DT = (1e-3, 0.1)
"""Between what the paper's code draws them, evenly or by their logarithm."""


class ShortConvolution(nn.Module):
    """Causal, each channel for itself.

    Args:
        channels: how many.
        taps: tokens that it sees.
        bias: whether it has one.
        kept_columns: how many of its last inputs are kept between passes.
    """

    def __init__(self, channels: int, taps: int, bias: bool, kept_columns: int) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.empty(channels, taps))
        self.bias = nn.Parameter(torch.empty(channels)) if bias else None
        self.kept_columns = kept_columns

    def start(self, generator: torch.Generator) -> None:
        """Evenly up to 1 / sqrt(taps) on both sides of 0, as torch's convolutions; a bias at 0."""
        bound = self.weight.shape[1] ** -0.5
        self.weight.uniform_(-bound, bound, generator=generator)

    def forward(self, x: Tensor, columns: Tensor | None) -> tuple[Tensor, Tensor]:
        """[B, T, C] and the inputs before, [B, C, kept] -> [B, T, C] and the last inputs."""
        return convolution(x, self.weight, self.bias, columns), kept(x, columns, self.kept_columns)


class GatedNorm(nn.Module):
    """Root mean square norm of a product with SiLU of a gate, [.., I], or the product of the norm with it."""

    def __init__(self, channels: int, groups: int, eps: float, norm_first: bool) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.empty(channels))
        self.groups, self.eps, self.norm_first = groups, eps, norm_first

    def start(self, generator: torch.Generator) -> None:
        """Gains at 1."""
        nn.init.ones_(self.weight)

    def forward(self, x: Tensor, gate: Tensor) -> Tensor:
        """[.., I] -> [.., I]."""
        opened = silu(gate)
        grouped = torch.unflatten(x if self.norm_first else x * opened, -1, (self.groups, -1))
        normed = rms_norm(grouped, grouped.shape[-1:], eps=self.eps).flatten(-2) * self.weight
        return normed * opened if self.norm_first else normed


@computes(Mamba2)
class Mamba2Layer(nn.Module):
    """Projects, convolves, runs the recurrence, gates, normalises, and projects back."""

    def __init__(self, mixer: Mamba2, dims: Dims, choices: Choices) -> None:
        super().__init__()
        into, out = mixer.projections(dims)
        self.into = Linear(into.d_in, into.d_out, into.bias)
        self.convolution = ShortConvolution(mixer.convolved, mixer.taps, mixer.convolution_bias, mixer.taps)
        self.dt_bias, self.log_a, self.skip = (nn.Parameter(torch.empty(mixer.num_heads)) for _ in range(3))
        eps = choices.norm.eps
        self.norm = GatedNorm(mixer.inner, mixer.norm_groups, eps, mixer.norm_first) if mixer.norm_groups else None
        self.out = Linear(out.d_in, out.d_out, out.bias)
        self.choice = mixer

    def start(self, generator: torch.Generator) -> None:
        """A evenly and dt by its logarithm between what the paper's code has, and skip at 1."""
        self.log_a.uniform_(*FIRST_A, generator=generator).log_()
        start_dt(self.dt_bias, generator)
        nn.init.ones_(self.skip)

    def forward(self, x: Tensor, step: LayerStep) -> Tensor:
        """[B, T, D] -> [B, T, D]."""
        choice = self.choice
        widths = [choice.inner, choice.convolved, choice.num_heads]
        gate, convolved, dt = torch.split(self._multiplied(self.into(x)), widths, -1)
        state = step.state
        assert state is None or isinstance(state, Carried)
        convolved, columns = self.convolution(step.blank(convolved), state.get("convolution") if state else None)
        convolved = step.blank(silu(convolved))
        of_group = choice.groups * choice.state_size
        values, keys, queries = torch.split(convolved, [choice.inner, of_group, of_group], -1)
        values = torch.unflatten(values, -1, (choice.num_heads, -1))
        keys, queries = (torch.unflatten(each, -1, (choice.groups, -1)) for each in (keys, queries))
        dt = softplus(dt + self.dt_bias).clamp(min=choice.dt_min or 0.0)
        log_decay = -self.log_a.exp() * dt
        matrix = state.get("matrix") if state else None
        mixed, matrix = decayed(queries, keys, values * dt[..., None], log_decay, matrix)
        if state:
            state.advance(int(x.shape[1]), convolution=columns, matrix=matrix)
        mixed = torch.addcmul(mixed, values, self.skip[:, None]).flatten(2)
        out: Tensor = self.out(self.norm(mixed, gate) if self.norm else mixed * silu(gate))
        return out

    def _multiplied(self, made: Tensor) -> Tensor:
        """Gate, x, B, C and dt of every token, [B, T, 2 I + 2 G N + M], times the factor of each."""
        choice = self.choice
        if choice.factors is None:
            return made
        of_group = choice.groups * choice.state_size
        widths = {"gate": choice.inner, "x": choice.inner, "b": of_group, "c": of_group, "dt": choice.num_heads}
        factors = [
            torch.full((width,), getattr(choice.factors, part), dtype=made.dtype, device=made.device)
            for part, width in widths.items()
        ]
        return made * torch.cat(factors)

    def new_state(self, room: Room) -> Carried:
        """The last inputs of the convolution, and the matrices of the recurrence."""
        return Carried()


def start_dt(bias: Tensor, generator: torch.Generator) -> None:
    """Set a bias such that its softplus is drawn between 0.001 and 0.1, evenly by its logarithm."""
    low, high = (math.log(bound) for bound in FIRST_DT)
    dt = bias.uniform_(low, high, generator=generator).exp_()
    bias.copy_(dt + torch.log(-torch.expm1(-dt)))
