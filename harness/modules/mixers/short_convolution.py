"""Gated short convolution."""

from dataclasses import astuple

from torch import Tensor, nn

from harness.choices.axes import Choices
from harness.choices.base import Dims
from harness.choices.mixers import short_convolution as choices_of
from harness.modules import computes
from harness.modules.layers import Linear
from harness.modules.mixers.mamba2 import ShortConvolution
from harness.modules.states import Carried, Room
from harness.modules.step import LayerStep


@computes(choices_of.ShortConvolution)
class ShortConvolutionLayer(nn.Module):
    """Projects, gates, convolves, gates, and projects back."""

    def __init__(self, mixer: choices_of.ShortConvolution, dims: Dims, choices: Choices) -> None:
        super().__init__()
        into, out = mixer.projections(dims)
        self.into, self.out = Linear(*astuple(into)), Linear(*astuple(out))
        self.convolution = ShortConvolution(dims.hidden_size, mixer.taps, mixer.bias, kept_columns=mixer.taps)

    def forward(self, x: Tensor, step: LayerStep) -> Tensor:
        """[B, T, D] -> [B, T, D]."""
        state = step.state
        assert state is None or isinstance(state, Carried)
        before, behind, inner = self.into(x).chunk(3, -1)
        given = step.blank(before * inner)
        convolved, columns = self.convolution(given, state.get("convolution") if state else None)
        if state:
            state.advance(int(x.shape[1]), convolution=columns)
        out: Tensor = self.out(behind * convolved)
        return out

    def new_state(self, room: Room) -> Carried:
        """The last inputs of the convolution."""
        return Carried()
