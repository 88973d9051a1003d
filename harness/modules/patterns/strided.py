"""Sparse Transformer, strided: a band, and a causal triangle for each place within the stride."""

from dataclasses import replace

from harness.choices.patterns.strided import Strided
from harness.modules import computes
from harness.modules.kernels.rectangles import Grid, Piece, Rectangles, triangle
from harness.modules.patterns.banded import band
from harness.tuning import Tuning


@computes(Strided)
def rectangles(pattern: Strided, n: int, row: Tuning) -> Rectangles:
    """The band, and the columns: query i of a column sees those before it. The first columns may be one longer."""
    stride = pattern.stride
    whole, rest = divmod(n, stride)
    columns = [*_columns(stride, 0, rest, whole, row), *_columns(stride, rest, stride - rest, whole - 1, row)]
    return Rectangles(n, [*band(stride, n, row), *columns])


def _columns(stride: int, first: int, count: int, rows: int, row: Tuning) -> list[Piece]:
    """The `count` columns from `first` on, of `rows` queries each, that begin one stride behind their keys."""
    keys = Grid(first, rows, stride, batch=count, batch_step=1)
    return triangle(replace(keys, first=first + stride), keys, row)
