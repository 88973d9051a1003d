"""Attention with linear biases."""

import torch
from torch import Tensor

from harness.choices.axes import Choices
from harness.choices.base import Dims
from harness.choices.positions.alibi import Alibi
from harness.modules import computes
from harness.modules.kernels.view import Bias
from harness.modules.positions import PositionModule


@computes(Alibi)
class LinearBiases(PositionModule):
    """Adds -slope x (query place - key place) to the scores of a head."""

    def __init__(self, position: Alibi, dims: Dims, choices: Choices) -> None:
        super().__init__(position, dims, choices)
        self.slopes = position.slopes(choices.mixer.heads(dims)["query"], position.bias_max or 8)
        self.rounded = getattr(torch, position.rounded) if position.rounded else None
        self.scale = choices.mixer.position_channels(dims) ** -0.5 if position.scaled_scores else 1.0

    def score_bias(self) -> Bias:
        """Of all heads."""
        return self._bias

    def _bias(self, queries: Tensor, keys: Tensor) -> Tensor:
        slopes = torch.tensor(self.slopes, device=keys.device)[:, None, None]
        if self.rounded is None:
            return slopes * self.scale * (keys[..., None, None, :] - queries[..., None, :, None])
        # Each place is rounded for itself, so that only the difference of the addends is that of the places.
        of_keys, of_queries = (
            (slopes.to(self.rounded) * places).to(torch.float32)
            for places in (keys[..., None, None, :], queries[..., None, :, None])
        )
        return self.scale * (of_keys - of_queries)
