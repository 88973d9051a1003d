"""Sparse Transformer, strided: a band, and a causal triangle for each place within the stride."""

from dataclasses import replace

from torch import Tensor

from harness.choices.patterns.strided import Strided
from harness.modules import computes
from harness.modules.patterns import View
from harness.modules.patterns.banded import band
from harness.modules.patterns.pieces import Grid, Piece, attend_pieces, triangle
from harness.modules.patterns.sparse import where_it_pays


@computes(Strided)
@where_it_pays
def attend(pattern: Strided, q: Tensor, k: Tensor, v: Tensor, view: View) -> Tensor:
    """Softmax over the last `stride` keys and those at multiples of `stride` behind, [B, T, H, C]."""
    return attend_pieces(pieces(pattern, q.shape[1]), q, k, v, view.scale)


def pieces(pattern: Strided, n: int) -> list[Piece]:
    """The band, and the columns: query i of a column sees those before it. The first columns may be one longer."""
    stride = pattern.stride
    whole, rest = divmod(n, stride)
    return [*band(stride, n), *_columns(stride, 0, rest, whole), *_columns(stride, rest, stride - rest, whole - 1)]


def _columns(stride: int, first: int, count: int, rows: int) -> list[Piece]:
    """The `count` columns from `first` on, of `rows` queries each, that begin one stride behind their keys."""
    keys = Grid(first, rows, stride, batch=count, batch_step=1)
    return triangle(replace(keys, first=first + stride), keys)
