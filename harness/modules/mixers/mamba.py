"""Mamba."""

from __future__ import annotations

from dataclasses import astuple

import torch
from torch import Tensor, nn
from torch.nn.functional import silu, softplus

from harness.choices.axes import Choices
from harness.choices.base import Dims
from harness.choices.mixers.mamba import Mamba
from harness.modules import computed_by, computes
from harness.modules.kernels.scan import selective
from harness.modules.layers import Linear
from harness.modules.mixers.mamba2 import ShortConvolution, start_dt
from harness.modules.states import Carried, Room
from harness.modules.step import LayerStep

EPS = 1e-6
"""Of norms without gains inside the mixer, as Falcon-Mamba's release has it."""


class TimeSteps(Linear):
    """The product that makes dt; its bias is drawn such that dt is small, as the paper's code does."""

    def start(self, generator: torch.Generator) -> None:
        """The bias."""
        start_dt(self.bias, generator)


@computes(Mamba)
class MambaLayer(nn.Module):
    """Projects, convolves, makes dt, B and C, runs the recurrence, gates, and projects back."""

    def __init__(self, mixer: Mamba, dims: Dims, choices: Choices) -> None:
        super().__init__()
        made = mixer.projections(dims)
        self.into, self.parameters_of = Linear(*astuple(made["into"])), Linear(*astuple(made["parameters"]))
        self.dt, self.out = TimeSteps(*astuple(made["dt"])), Linear(*astuple(made["out"]))
        self.convolution = ShortConvolution(mixer.inner_size, mixer.taps, mixer.convolution_bias, mixer.taps)
        self.log_a = nn.Parameter(torch.empty(mixer.inner_size, mixer.state_size))
        self.skip = nn.Parameter(torch.empty(mixer.inner_size))
        norm = choices.norm.plain().model_copy(update={"eps": EPS}) if mixer.inner_norms == "plain" else choices.norm
        self.widths = [mixer.rank, mixer.state_size, mixer.state_size]
        norms = [computed_by(norm)(norm, width) for width in self.widths] if mixer.inner_norms else []
        self.dt_norm, self.b_norm, self.c_norm = norms or [nn.Identity() for _ in self.widths]

    def start(self, generator: torch.Generator) -> None:
        """A from -1 to -N in every channel, and skip at 1."""
        numbers = torch.arange(1, self.log_a.shape[1] + 1, dtype=torch.float32, device=self.log_a.device)
        self.log_a.copy_(numbers.log().expand_as(self.log_a))
        nn.init.ones_(self.skip)

    def forward(self, x: Tensor, step: LayerStep) -> Tensor:
        """[B, T, D] -> [B, T, D]."""
        state = step.state
        assert state is None or isinstance(state, Carried)
        inner, gate = self.into(x).chunk(2, -1)
        inner, columns = self.convolution(step.blank(inner), state.get("convolution") if state else None)
        inner = step.blank(silu(inner))
        low, b, c = torch.split(self.parameters_of(inner), self.widths, -1)
        dt = softplus(self.dt(self.dt_norm(low)))
        numbers = state.get("numbers") if state else None
        mixed, numbers = selective(inner, dt, -self.log_a.exp(), self.b_norm(b), self.c_norm(c), numbers)
        if state:
            state.advance(int(x.shape[1]), convolution=columns, numbers=numbers)
        out: Tensor = self.out(torch.addcmul(mixed, inner, self.skip) * silu(gate))
        return out

    def new_state(self, room: Room) -> Carried:
        """The last inputs of the convolution, and the numbers of the recurrence."""
        return Carried()
