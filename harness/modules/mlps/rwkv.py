"""RWKV-4's channel mixing."""

from __future__ import annotations

from dataclasses import astuple

from torch import Tensor, nn
from torch.nn.functional import relu

from harness.choices.base import Dims
from harness.choices.mlps.rwkv import ChannelMixing
from harness.modules import computes
from harness.modules.layers import Linear
from harness.modules.shift import ShiftedLinear, before
from harness.modules.states import Carried, Room
from harness.modules.step import LayerStep


@computes(ChannelMixing)
class ChannelMixingMLP(nn.Module):
    """sigmoid(receptance) * value(max(0, key)^2)."""

    def __init__(self, mlp: ChannelMixing, dims: Dims) -> None:
        super().__init__()
        made = {name: astuple(product) for name, product in mlp.projections(dims).items()}
        self.key, self.receptance = ShiftedLinear(*made["key"]), ShiftedLinear(*made["receptance"])
        self.value = Linear(*made["value"])

    def forward(self, x: Tensor, step: LayerStep) -> Tensor:
        """[B, T, D] -> [B, T, D]."""
        state = step.mlp_state
        assert state is None or isinstance(state, Carried)
        x = step.blank(x)
        previous = before(x, state.get("token") if state else None)
        if state:
            state.advance(int(x.shape[1]), token=x[:, -1].clone())
        out: Tensor = self.receptance(x, previous).sigmoid() * self.value(relu(self.key(x, previous)).square())
        return out

    def new_state(self, room: Room) -> Carried:
        """The token before."""
        return Carried()
