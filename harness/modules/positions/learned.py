"""Learned absolute positions."""

from torch import Tensor

from harness.choices.axes import Choices
from harness.choices.base import Dims
from harness.choices.positions.learned import Learned
from harness.errors import HarnessError
from harness.modules import computes
from harness.modules.layers import Table
from harness.modules.positions import Places, PositionModule


@computes(Learned)
class LearnedPositions(PositionModule):
    """A row of a table, added to the embedding."""

    def __init__(self, position: Learned, dims: Dims, choices: Choices) -> None:
        super().__init__(position, dims, choices)
        self.places = dims.max_seq_len
        self.unused = position.unused
        self.table = Table(self.places + self.unused, dims.hidden_size)

    def embed(self, x: Tensor, places: Places) -> Tensor:
        """X + table[position], [B, T, D].

        Raises:
            HarnessError: the sequence is longer than the table.
        """
        if places.end > self.places:
            raise HarnessError(
                f"the model has learned positions for {self.places} tokens; the sequence has {places.end}"
            )
        rows_of_tokens: Tensor = self.table(places.one_dimensional() + self.unused)  # [T, D] or [B, T, D]
        return x + rows_of_tokens
