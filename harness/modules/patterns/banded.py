"""Locally banded attention: blocks of queries, each against the window of keys that they see between them."""

from torch import Tensor, arange

from harness.choices.patterns.banded import Banded
from harness.modules import computes
from harness.modules.patterns import View
from harness.modules.patterns.pieces import Grid, Piece, attend_pieces
from harness.modules.patterns.sparse import attend_otherwise, pays

BLOCK, WIDE_BLOCK, WIDE = 32, 192, 1024
"""Queries a block, below a window that is wide, and from it on. These are lengths from which on torch's kernel takes
larger tiles: the wider the window, the less the corners cost that a block's rectangle has outside the band."""
ALIGNED = 16
"""Keys a block are a multiple of a vector register's floats: otherwise the matrix products take a fifth longer."""


@computes(Banded)
def attend(pattern: Banded, q: Tensor, k: Tensor, v: Tensor, view: View) -> Tensor:
    """Softmax over the last `window` keys, [B, T, H, C]."""
    if not pays(pattern, q, view):
        return attend_otherwise(pattern, q, k, v, view)
    return attend_pieces(band(pattern.window, q.shape[1]), q, k, v, view.scale)


def band(window: int, n: int) -> list[Piece]:
    """The pairs less than `window` apart: a triangle, blocks, and what is left at the end. `window` is at most `n`."""
    block = (BLOCK if window < WIDE else WIDE_BLOCK) - window % ALIGNED
    whole, rest = divmod(n - window, block)
    triangle = Piece(Grid(0, window), Grid(0, window), causal=True)
    blocks = [_blocks(window, window, block, whole), _blocks(window, n - rest, rest, 1)]
    return [triangle, *(piece for piece in blocks if piece.queries.count and piece.queries.batch)]


def _blocks(window: int, first: int, rows: int, count: int) -> Piece:
    """Blocks of queries from `first` on, each with the keys from `window` places before it."""
    distance = window + arange(rows)[:, None] - arange(window + rows)
    return Piece(
        Grid(first, rows, batch=count, batch_step=rows),
        Grid(first - window, window + rows, batch=count, batch_step=rows),
        visible=(distance >= 0) & (distance < window),
    )
