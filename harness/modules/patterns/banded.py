"""Locally banded attention: blocks of queries, each against the window of keys that they see between them."""

from torch import arange

from harness.choices.patterns.banded import Banded
from harness.modules import computes
from harness.modules.kernels.rectangles import Grid, Piece, Rectangles, triangle
from harness.tuning import Tuning


@computes(Banded)
def rectangles(pattern: Banded, n: int, row: Tuning) -> Rectangles:
    """The pairs less than `window` apart."""
    return Rectangles(n, band(pattern.window, n, row))


def band(window: int, n: int, row: Tuning) -> list[Piece]:
    """A triangle, blocks, and what is left at the end. The window is at most n."""
    block = (row.band_block if window < row.wide_band_from else row.wide_band_block) - window % row.band_aligned_to
    whole, rest = divmod(n - window, block)
    return [
        *triangle(Grid(0, window), Grid(0, window), row),
        *_blocks(window, window, block, whole),
        *_blocks(window, n - rest, rest, 1),
    ]


def _blocks(window: int, first: int, rows: int, count: int) -> list[Piece]:
    """Blocks of queries from `first` on, each with the keys from `window` places before it."""
    if rows * count == 0:
        return []
    distance = window + arange(rows)[:, None] - arange(window + rows)
    queries = Grid(first, rows, batch=count, batch_step=rows)
    keys = Grid(first - window, window + rows, batch=count, batch_step=rows)
    return [Piece(queries, keys, visible=(distance >= 0) & (distance < window))]
