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
from harness.modules.kernels.decayed import decayed
from harness.modules.layers import Linear
from harness.modules.states import Carried, Room
from harness.modules.step import LayerStep

LITTLE = 1e-5
"""What the release adds to the depth of its model, and to the share of the decay that is left in the last layer."""


class HeadsNorm(nn.Module):
    """Root mean square norm of all heads together, [.., M C]."""

    def __init__(self, channels: int, eps: float) -> None:
        super().__init__()
        self.weight, self.eps = nn.Parameter(torch.empty(channels)), eps

    def start(self, generator: torch.Generator) -> None:
        """Gains at 1."""
        nn.init.ones_(self.weight)

    def forward(self, x: Tensor) -> Tensor:
        """[.., M C] -> [.., M C]."""
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
        self.heads, self.last_layer = mixer.num_heads, dims.num_layers - 1

    def forward(self, x: Tensor, step: LayerStep) -> Tensor:
        """[B, T, D] -> [B, T, D]."""
        state = step.state
        assert state is None or isinstance(state, Carried)
        joined = (silu(linear(x)) for linear in (self.query, self.key, self.value))
        queries, keys, values = (torch.unflatten(each, -1, (self.heads, -1)) for each in joined)
        log_decay = self._log_decay(x, step.layer).expand(*x.shape[:2], -1)
        matrix = state.get("matrix") if state else None
        # In front of a sequence the state is empty, so that it decays there changes nothing.
        mixed, matrix = decayed(queries, step.blank(keys), values, log_decay, matrix)
        if state:
            state.advance(int(x.shape[1]), matrix=matrix)
        out: Tensor = self.out(self.gate(x).sigmoid() * self.norm(mixed.flatten(2)))
        return out

    def new_state(self, room: Room) -> Carried:
        """The matrices of the recurrence."""
        return Carried()

    def _log_decay(self, x: Tensor, layer: int) -> Tensor:
        """Of each head, [M]."""
        numbers = torch.arange(1, self.heads + 1, device=x.device, dtype=torch.float32)
        left = 1 - layer / (self.last_layer + LITTLE) + LITTLE
        return -left * 2.0 ** (-8 * numbers / self.heads)
