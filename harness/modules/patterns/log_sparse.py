"""LogSparse attention: a diagonal of pairs for each distance."""

from harness.choices.patterns.log_sparse import LogSparse
from harness.modules import computes
from harness.modules.kernels.diagonals import Diagonals
from harness.tuning import Tuning


@computes(LogSparse)
def diagonals(pattern: LogSparse, n: int, row: Tuning) -> Diagonals:
    """The distances 0, 1, 2, 4, 8, ... below n."""
    return Diagonals([0, *(1 << power for power in range((n - 1).bit_length()))], row.diagonals_chunk)
