"""The token table."""

from __future__ import annotations

from torch import Tensor, nn

from harness.choices.axes import Choices
from harness.choices.base import Dims
from harness.choices.embeddings.table import Table as TableChoice
from harness.modules import computed_by, computes
from harness.modules.layers import Linear, Table
from harness.modules.positions import Places, PositionModule


@computes(TableChoice)
class TokenEmbedding(nn.Module):
    """Looks tokens up, adds positions where the scheme does, normalises where the choice says so."""

    def __init__(self, embedding: TableChoice, dims: Dims, choices: Choices) -> None:
        super().__init__()
        width = embedding.width or dims.hidden_size
        self.table = Table(dims.vocab_size, width)
        self.onto = Linear(width, dims.hidden_size, bias=False) if embedding.width else nn.Identity()
        self.norm = computed_by(choices.norm)(choices.norm, dims.hidden_size) if embedding.norm else nn.Identity()
        self.gradient_scale = embedding.gradient_scale
        self.scale = embedding.scale_in(dims)

    def forward(self, input_ids: Tensor, position: PositionModule, places: Places) -> Tensor:
        """[B, T] -> [B, T, D]; or from real vectors, [B, T, V], of which a token is the one with a single 1."""
        x = input_ids @ self.table.weight if input_ids.is_floating_point() else self.table(input_ids)
        if self.gradient_scale != 1.0:
            x = x.detach() + self.gradient_scale * (x - x.detach())  # the value of x, a part of its gradient
        if self.scale != 1.0:
            x = x * self.scale
        out: Tensor = self.norm(position.embed(self.onto(x), places))
        return out
