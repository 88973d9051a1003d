"""No mixer."""

from torch import Tensor, nn

from harness.choices.axes import Choices
from harness.choices.base import Dims
from harness.choices.mixers.none import NoMixer
from harness.modules import computes
from harness.modules.states import Room
from harness.modules.step import LayerStep


@computes(NoMixer)
class NoMixerLayer(nn.Module):
    """Adds nothing to the residual stream, and keeps nothing."""

    def __init__(self, mixer: NoMixer, dims: Dims, choices: Choices) -> None:
        super().__init__()

    def forward(self, x: Tensor, step: LayerStep) -> Tensor:
        """[B, T, D] -> zeros, [B, T, D]."""
        return x.new_zeros(x.shape)

    def new_state(self, room: Room) -> None:
        """None."""
        return
