"""Sparse Transformer, fixed: a causal triangle a block, and chunks of queries against the summaries before them."""

from torch import Tensor, arange

from harness.choices.patterns.fixed import Fixed
from harness.modules import computes
from harness.modules.patterns import View
from harness.modules.patterns.pieces import Grid, Piece, attend_pieces, triangle
from harness.modules.patterns.sparse import where_it_pays

CHUNK = 1024
"""Queries a chunk: torch's kernel takes its largest tiles from 768 on, and a longer chunk sees less of its keys."""


@computes(Fixed)
@where_it_pays
def attend(pattern: Fixed, q: Tensor, k: Tensor, v: Tensor, view: View) -> Tensor:
    """Softmax over the own block and the summaries of those before, [B, T, H, C]."""
    return attend_pieces(pieces(pattern, q.shape[1]), q, k, v, view.scale)


def pieces(pattern: Fixed, n: int) -> list[Piece]:
    """The blocks, the last of them perhaps shorter, and the summaries."""
    block = pattern.block
    whole, rest = divmod(n, block)
    inside = [*_blocks(0, block, whole), *_blocks(n - rest, rest, 1)]
    chunk = max(1, CHUNK // block) * block
    behind = [_summaries(pattern, first, min(first + chunk, n)) for first in range(block, n, chunk)]
    return [*inside, *behind]


def _blocks(first: int, rows: int, count: int) -> list[Piece]:
    places = Grid(first, rows, batch=count, batch_step=rows)
    return triangle(places, places)


def _summaries(pattern: Fixed, first: int, end: int) -> Piece:
    """The queries from `first` to `end` against the summaries of all blocks that end before some of them."""
    block, summary = pattern.block, pattern.summary
    blocks = (end - 1) // block
    return Piece(
        Grid(first, end - first),
        Grid(block - summary, blocks, block, run=summary),
        visible=arange(blocks * summary) // summary < (arange(first, end) // block)[:, None],
    )
