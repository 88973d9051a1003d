"""Gated DeltaNet."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import astuple

import torch
from torch import Tensor, nn
from torch.nn.functional import rms_norm, silu, softplus

from harness.choices.axes import Choices
from harness.choices.base import Dims
from harness.choices.mixers.gated_delta import GatedDelta
from harness.modules import computes
from harness.modules.kernels.delta import delta
from harness.modules.layers import Linear
from harness.modules.mixers.mamba2 import ShortConvolution, start_dt
from harness.modules.states import Carried, Room
from harness.modules.step import LayerStep

FIRST_A = (0.01, 16.0)
"""Between what a release's code draws it, evenly."""
TINY = 1e-6
"""Added to the square of a length, as the releases do."""


class HeadNorm(nn.Module):
    """Root mean square norm of each head, [.., M, e], with gains that they share, times what opens a gate."""

    def __init__(self, channels: int, eps: float, opens: Callable[[Tensor], Tensor] = silu) -> None:
        super().__init__()
        self.weight, self.eps, self.opens = nn.Parameter(torch.empty(channels)), eps, opens

    def start(self, generator: torch.Generator) -> None:
        """Gains at 1."""
        nn.init.ones_(self.weight)

    def forward(self, x: Tensor, gate: Tensor) -> Tensor:
        """[.., M, e] -> [.., M, e]."""
        return rms_norm(x, x.shape[-1:], self.weight, self.eps) * self.opens(gate)


@computes(GatedDelta)
class GatedDeltaLayer(nn.Module):
    """Projects, convolves, runs the recurrence, normalises and gates, and projects back."""

    def __init__(self, mixer: GatedDelta, dims: Dims, choices: Choices) -> None:
        super().__init__()
        made = {name: Linear(*astuple(product)) for name, product in mixer.projections(dims).items()}
        self.query, self.key, self.value = made["query"], made["key"], made["value"]
        self.gate, self.beta, self.decay, self.out = made["gate"], made["beta"], made["decay"], made["out"]
        self.convolution = ShortConvolution(mixer.convolved, mixer.taps, bias=False, kept_columns=mixer.taps)
        self.dt_bias, self.log_a = (nn.Parameter(torch.empty(mixer.num_heads)) for _ in range(2))
        self.norm = HeadNorm(mixer.value_dim, mixer.norm_eps or choices.norm.eps)
        self.choice = mixer

    def start(self, generator: torch.Generator) -> None:
        """A evenly, and what its softplus gives by the logarithm, between what releases have."""
        self.log_a.uniform_(*FIRST_A, generator=generator).log_()
        start_dt(self.dt_bias, generator)

    def forward(self, x: Tensor, step: LayerStep) -> Tensor:
        """[B, T, D] -> [B, T, D]."""
        choice, state = self.choice, step.state
        assert state is None or isinstance(state, Carried)
        joined = torch.cat((self.query(x), self.key(x), self.value(x)), -1)
        convolved, columns = self.convolution(step.blank(joined), state.get("convolution") if state else None)
        queries, keys, values = torch.split(silu(convolved), [choice.keys, choice.keys, choice.values], -1)
        queries, keys = (unit(torch.unflatten(each, -1, (choice.key_heads, -1))) for each in (queries, keys))
        values, gate = (torch.unflatten(each, -1, (choice.num_heads, -1)) for each in (values, self.gate(x)))
        beta = step.blank(self.beta(x).sigmoid() * (1 + choice.negative))
        log_decay = step.blank(-self.log_a.exp() * softplus(self.decay(x) + self.dt_bias))
        matrix = state.get("matrix") if state else None
        mixed, matrix = delta(queries * choice.key_dim**-0.5, keys, values, beta, log_decay, matrix)
        if state:
            state.advance(int(x.shape[1]), convolution=columns, matrix=matrix)
        out: Tensor = self.out(self.norm(mixed, gate).flatten(2))
        return out

    def new_state(self, room: Room) -> Carried:
        """The last inputs of the convolution, and the matrices of the recurrence."""
        return Carried()


def unit(x: Tensor) -> Tensor:
    """Vectors of length 1, [.., d]."""
    return x * torch.rsqrt(x.square().sum(-1, keepdim=True) + TINY)
