"""Sparse Transformer, fixed: a causal triangle a block, and chunks of queries against the summaries before them."""

from torch import arange

from harness.choices.patterns.fixed import Fixed
from harness.modules import computes
from harness.modules.kernels.rectangles import Grid, Piece, Rectangles, triangle
from harness.tuning import Tuning


@computes(Fixed)
def rectangles(pattern: Fixed, n: int, row: Tuning) -> Rectangles:
    """The blocks, the last of them perhaps shorter, and the summaries."""
    block = pattern.block
    whole, rest = divmod(n, block)
    inside = [*_blocks(0, block, whole, row), *_blocks(n - rest, rest, 1, row)]
    chunk = max(1, row.summaries_chunk // block) * block
    behind = [_summaries(pattern, first, min(first + chunk, n)) for first in range(block, n, chunk)]
    return Rectangles(n, [*inside, *behind])


def _blocks(first: int, rows: int, count: int, row: Tuning) -> list[Piece]:
    places = Grid(first, rows, batch=count, batch_step=rows)
    return triangle(places, places, row)


def _summaries(pattern: Fixed, first: int, end: int) -> Piece:
    """The queries from `first` to `end` against the summaries of all blocks that end before some of them."""
    block, summary = pattern.block, pattern.summary
    blocks = (end - 1) // block
    return Piece(
        Grid(first, end - first),
        Grid(block - summary, blocks, block, run=summary),
        visible=arange(blocks * summary) // summary < (arange(first, end) // block)[:, None],
    )
