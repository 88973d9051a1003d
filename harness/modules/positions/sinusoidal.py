"""Sinusoidal positions."""

import torch
from torch import Tensor

from harness.choices.axes import Choices
from harness.choices.base import Dims
from harness.choices.positions.sinusoidal import Sinusoidal
from harness.modules import computes
from harness.modules.positions import Places, PositionModule


@computes(Sinusoidal)
class SinusoidalPositions(PositionModule):
    """Waves of place, added to the embedding."""

    def __init__(self, position: Sinusoidal, dims: Dims, choices: Choices) -> None:
        super().__init__(position, dims, choices)
        self.waves, self.steps = dims.hidden_size // 2, position.steps_in(dims)
        self.theta, self.offset = position.theta, position.offset
        self.interleaved = position.layout == "interleaved"

    def embed(self, x: Tensor, places: Places) -> Tensor:
        """X + waves, [B, T, D]; made in float32 whatever the model computes in."""
        ids = places.one_dimensional() + self.offset
        numbers = torch.arange(self.waves, device=ids.device, dtype=torch.float32)
        angles = ids.to(torch.float32)[..., None] * self.theta ** -(numbers / self.steps)  # [T, D / 2] or [B, T, D / 2]
        both = (angles.sin(), angles.cos())
        waves = torch.stack(both, dim=-1).flatten(-2) if self.interleaved else torch.cat(both, dim=-1)
        return x + waves.to(x.dtype)
