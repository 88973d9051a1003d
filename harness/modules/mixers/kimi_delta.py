"""Kimi delta attention."""

from __future__ import annotations

from dataclasses import astuple

import torch
from torch import Tensor, nn
from torch.nn.functional import silu, softplus

from harness.choices.axes import Choices
from harness.choices.base import Dims
from harness.choices.mixers.kimi_delta import KimiDelta
from harness.modules import computes
from harness.modules.kernels.delta import delta
from harness.modules.layers import Linear
from harness.modules.mixers.gated_delta import HeadNorm, unit
from harness.modules.mixers.mamba2 import FIRST_A, ShortConvolution, start_dt
from harness.modules.states import Carried, Room
from harness.modules.step import LayerStep


@computes(KimiDelta)
class KimiDeltaLayer(nn.Module):
    """Projects, convolves, runs the recurrence, normalises and gates, and projects back."""

    def __init__(self, mixer: KimiDelta, dims: Dims, choices: Choices) -> None:
        super().__init__()
        made = {name: Linear(*astuple(product)) for name, product in mixer.projections(dims).items()}
        self.query, self.key, self.value, self.beta = made["query"], made["key"], made["value"], made["beta"]
        self.decay_down, self.decay = made["decay_down"], made["decay"]
        self.gate_down, self.gate, self.out = made["gate_down"], made["gate"], made["out"]
        self.convolution = ShortConvolution(3 * mixer.inner, mixer.taps, bias=False, kept_columns=mixer.taps)
        self.dt_bias = nn.Parameter(torch.empty(mixer.inner))
        self.log_a = nn.Parameter(torch.empty(mixer.num_heads))
        self.norm = HeadNorm(mixer.head_dim, choices.norm.eps, torch.sigmoid)
        self.choice = mixer

    def start(self, generator: torch.Generator) -> None:
        """A evenly, and what its softplus gives by the logarithm, between what releases have."""
        self.log_a.uniform_(*FIRST_A, generator=generator).log_()
        start_dt(self.dt_bias, generator)

    def forward(self, x: Tensor, step: LayerStep) -> Tensor:
        """[B, T, D] -> [B, T, D]."""
        state = step.state
        assert state is None or isinstance(state, Carried)
        joined = torch.cat((self.query(x), self.key(x), self.value(x)), -1)
        convolved, columns = self.convolution(step.blank(joined), state.get("convolution") if state else None)
        queries, keys, values = (self._in_heads(each) for each in silu(convolved).chunk(3, -1))
        beta = step.blank(self.beta(x).sigmoid())
        rates = softplus(self._in_heads(self.decay(self.decay_down(x)) + self.dt_bias))
        log_decay = step.blank(-self.log_a.exp()[:, None] * rates)
        matrix = state.get("matrix") if state else None
        scaled = unit(queries) * self.choice.head_dim**-0.5
        mixed, matrix = delta(scaled, unit(keys), values, beta, log_decay, matrix)
        if state:
            state.advance(int(x.shape[1]), convolution=columns, matrix=matrix)
        gate = self._in_heads(self.gate(self.gate_down(x)))
        out: Tensor = self.out(self.norm(mixed, gate).flatten(2))
        return out

    def new_state(self, room: Room) -> Carried:
        """The last inputs of the convolution, and the matrices of the recurrence."""
        return Carried()

    def _in_heads(self, x: Tensor) -> Tensor:
        """[B, T, M C] -> [B, T, M, C]."""
        return torch.unflatten(x, -1, (self.choice.num_heads, -1))
