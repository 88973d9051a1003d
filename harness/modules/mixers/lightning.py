"""Lightning attention."""

from __future__ import annotations

from dataclasses import astuple

import torch
from torch import Tensor, nn
from torch.nn.functional import rms_norm, silu

from harness.choices.axes import Choices
from harness.choices.base import Dims
from harness.choices.mixers.lightning import Lightning
from harness.modules import computes
from harness.modules.kernels.steady import steady
from harness.modules.layers import Linear
from harness.modules.states import Carried, Room
from harness.modules.step import LayerStep


class HeadsNorm(nn.Module):
    """Root mean square norm of all heads together, [.., H C], whatever kind the layers have."""

    def __init__(self, channels: int, eps: float) -> None:
        super().__init__()
        self.weight, self.eps = nn.Parameter(torch.empty(channels)), eps

    def start(self, generator: torch.Generator) -> None:
        """Gains at 1."""
        nn.init.ones_(self.weight)

    def forward(self, x: Tensor) -> Tensor:
        """[.., H C] -> [.., H C]."""
        return rms_norm(x, x.shape[-1:], self.weight, self.eps)


@computes(Lightning)
class LightningLayer(nn.Module):
    """Projects, runs the recurrence, normalises and gates, and projects back."""

    def __init__(self, mixer: Lightning, dims: Dims, choices: Choices) -> None:
        super().__init__()
        made = {name: Linear(*astuple(product)) for name, product in mixer.projections(dims).items()}
        self.query, self.key, self.value = made["query"], made["key"], made["value"]
        self.gate, self.out = made["gate"], made["out"]
        self.norm = HeadsNorm(mixer.inner(dims), mixer.norm_eps or choices.norm.eps)
        self.choice, self.dims = mixer, dims

    def forward(self, x: Tensor, step: LayerStep) -> Tensor:
        """[B, T, D] -> [B, T, D]."""
        state = step.state
        assert state is None or isinstance(state, Carried)
        parts = (silu(product(x)) for product in (self.query, self.key, self.value))
        queries, keys, values = (torch.unflatten(part, -1, (self.choice.num_heads, -1)) for part in parts)
        slopes = torch.tensor(self.choice.slopes(self.dims, step.layer), dtype=torch.float64, device=x.device)
        matrix = state.get("matrix") if state else None
        mixed, matrix = steady(queries, step.blank(keys), values, slopes, matrix)
        if state:
            state.advance(int(x.shape[1]), matrix=matrix)
        out: Tensor = self.out(self.norm(mixed.flatten(2)) * self.gate(x).sigmoid())
        return out

    def new_state(self, room: Room) -> Carried:
        """The matrices of the recurrence."""
        return Carried()
