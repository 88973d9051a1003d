"""Position schemes. Each may act in three places; here is the scheme that acts in none."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import torch
from torch import Tensor, nn

from harness.choices.axes import Choices
from harness.choices.base import Dims
from harness.choices.positions import Position
from harness.modules.kernels.view import Bias


@dataclass(frozen=True)
class Places:
    """Where the tokens of one pass stand.

    Attributes:
        queries: place of each computed token in its sequence, [T]; in a padded batch [B, T], below 0 for padding.
        end: tokens of a sequence so far, those computed included.
        context: how many leading tokens are context; a number, or one a sequence, [B].
        ids: what the position scheme is told instead of the places, [T] or [B, T]; for a scheme of two dimensions
            [2, T] or [B, 2, T]. None: the places.
        padding: how many columns stand in front of each sequence, [B]; None for none.
        mask: place of the mask that what follows the context fills, [B]; None for the last of the context.
    """

    queries: Tensor
    end: int
    context: int | Tensor = 0
    ids: Tensor | None = None
    padding: Tensor | None = None
    mask: Tensor | None = None

    def of(self, columns: Tensor) -> Tensor:
        """Places of the tokens in these columns, [S] -> [S] or [B, S]."""
        return columns if self.padding is None else columns - self.padding[:, None]

    @cached_property
    def so_far(self) -> Tensor:
        """Places of all tokens so far, [S] or [B, S]."""
        if int(self.queries.shape[-1]) == self.end:
            return self.queries
        return self.of(torch.arange(self.end, device=self.queries.device))

    def one_dimensional(self) -> Tensor:
        """Position ids of a scheme that counts along one line, [T] or [B, T]."""
        if self.ids is not None:
            return self.ids
        return self.queries if self.padding is None else self.queries.clamp(min=0)


class PositionModule(nn.Module):
    """A scheme that does nothing anywhere."""

    def __init__(self, position: Position, dims: Dims, choices: Choices) -> None:
        super().__init__()
        self.position = position

    def embed(self, x: Tensor, places: Places) -> Tensor:
        """Act on the embedded tokens, [B, T, D]."""
        return x

    def tables(self, places: Places) -> tuple[Tensor, ...]:
        """What `rotate` needs in every layer, computed once a pass."""
        return ()

    def rotate(self, x: Tensor, tables: tuple[Tensor, ...]) -> Tensor:
        """Act on the queries or keys of a layer, [B, T, heads, C]."""
        return x

    def score_bias(self) -> Bias | None:
        """What gives the addends of the scores, or None if nothing is added."""
        return None
