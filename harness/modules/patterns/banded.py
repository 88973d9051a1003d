"""Locally banded attention: blocks of queries, each against the window of keys that they see between them."""

from torch import Tensor, arange

from harness.choices.patterns.banded import Banded
from harness.modules import computes
from harness.modules.patterns import View
from harness.modules.patterns.pieces import Grid, Piece, attend_pieces, triangle
from harness.modules.patterns.sparse import where_it_pays

BLOCK, WIDE_BLOCK, WIDE = 32, 192, 1024
"""Queries a block, for windows below the one called wide, and from it on. Torch's kernel takes tiles of 32 queries, and
of 64 for blocks from 192 on. A longer block computes larger corners outside the band, which a wide window outweighs."""
ALIGNED = 16
"""Keys a block are a multiple of a vector register's floats: otherwise the matrix products take a fifth longer."""


@computes(Banded)
@where_it_pays
def attend(pattern: Banded, q: Tensor, k: Tensor, v: Tensor, view: View) -> Tensor:
    """Softmax over the last `window` keys, [B, T, H, C]."""
    return attend_pieces(band(pattern.window, q.shape[1]), q, k, v, view.scale)


def band(window: int, n: int) -> list[Piece]:
    """The pairs less than `window` apart: a triangle, blocks, and what is left at the end. `window` is at most `n`."""
    block = (BLOCK if window < WIDE else WIDE_BLOCK) - window % ALIGNED
    whole, rest = divmod(n - window, block)
    return [
        *triangle(Grid(0, window), Grid(0, window)),
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
