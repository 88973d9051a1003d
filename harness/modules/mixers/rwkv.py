"""RWKV-4's time mixing."""

from __future__ import annotations

import math
from dataclasses import astuple

import torch
from torch import Tensor, nn

from harness.choices.axes import Choices
from harness.choices.base import Dims
from harness.choices.mixers.rwkv import RWKV
from harness.modules import computes
from harness.modules.kernels.wkv import lowest, wkv
from harness.modules.layers import Linear
from harness.modules.shift import ShiftedLinear, before
from harness.modules.states import Carried, Room
from harness.modules.step import LayerStep


@computes(RWKV)
class TimeMixing(nn.Module):
    """Mixes each token with the one before, averages values, gates, and projects back."""

    def __init__(self, mixer: RWKV, dims: Dims, choices: Choices) -> None:
        super().__init__()
        made = {name: astuple(product) for name, product in mixer.projections(dims).items()}
        self.key, self.value = ShiftedLinear(*made["key"]), ShiftedLinear(*made["value"])
        self.receptance, self.out = ShiftedLinear(*made["receptance"]), Linear(*made["out"])
        self.log_decay, self.bonus = (nn.Parameter(torch.empty(mixer.inner_size)) for _ in range(2))

    def start(self, generator: torch.Generator) -> None:
        """As the paper's code halfway up a model: slow to fast over the channels, with small steps in the bonus."""
        channels = torch.arange(len(self.bonus), device=self.bonus.device)
        self.log_decay.copy_(8 * (channels / max(1, len(self.bonus) - 1)) ** 1.35 - 5)
        self.bonus.copy_(math.log(0.3) + 0.5 * ((channels + 1) % 3 - 1))

    def forward(self, x: Tensor, step: LayerStep) -> Tensor:
        """[B, T, D] -> [B, T, D]."""
        state = step.state
        assert state is None or isinstance(state, Carried)
        x = step.blank(x)
        previous = before(x, state.get("token") if state else None)
        keys = self.key(x, previous)
        keys = step.blank(keys, lowest(keys))  # padding has no weight
        sums = state.get("sums") if state else None
        mean, sums = wkv(keys, self.value(x, previous), self.log_decay.exp(), self.bonus, sums)
        if state:
            state.advance(int(x.shape[1]), token=x[:, -1].clone(), sums=sums)
        out: Tensor = self.out(self.receptance(x, previous).sigmoid() * mean)
        return out

    def new_state(self, room: Room) -> Carried:
        """The token before, and the sums."""
        return Carried()
