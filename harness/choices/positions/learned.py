"""Learned absolute positions: Gehring et al. 2017, https://arxiv.org/abs/1705.03122; Radford et al. 2018 (GPT-1)"""

from pydantic import NonNegativeInt

from harness.choices.base import Dims, Source
from harness.choices.positions import Position, positions


@positions.register("learned")
class Learned(Position):
    """A trained vector for each of the `max_seq_len` places, added to the token embedding.

    `unused` rows stand in front of that of the first place, as in OPT's tables.
    """

    kind = "learned"
    source = Source("Convolutional Sequence to Sequence Learning", "https://arxiv.org/abs/1705.03122")

    unused: NonNegativeInt = 0

    in_embedding = True

    def params(self, dims: Dims) -> int:
        """A row a place, and those not used: (max_seq_len + unused) D."""
        return (dims.max_seq_len + self.unused) * dims.hidden_size

    def length_limit(self, dims: Dims) -> int:
        """The table has no row past max_seq_len."""
        return dims.max_seq_len
