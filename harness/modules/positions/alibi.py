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
        self.slopes = position.slopes(choices.attention.num_heads)

    def score_bias(self) -> Bias:
        """Of all heads."""
        return self._bias

    def _bias(self, queries: Tensor, keys: Tensor) -> Tensor:
        slopes = torch.tensor(self.slopes, device=keys.device)[:, None, None]
        return slopes * (keys[..., None, None, :] - queries[..., None, :, None])
