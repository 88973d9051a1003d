"""Chunked attention: a causal triangle a chunk, the last of which may be shorter."""

from harness.choices.patterns.chunked import Chunked
from harness.modules import computes
from harness.modules.kernels.rectangles import Grid, Rectangles, triangle
from harness.tuning import Tuning


@computes(Chunked)
def rectangles(pattern: Chunked, n: int, row: Tuning) -> Rectangles:
    """The chunks that are whole, and what is left."""
    whole, rest = divmod(n, pattern.size)
    chunks = Grid(0, pattern.size, batch=whole, batch_step=pattern.size)
    left = Grid(n - rest, rest, batch=1, batch_step=rest)
    pieces = [triangle(places, places, row) for places, there in ((chunks, whole), (left, rest)) if there]
    return Rectangles(n, [piece for each in pieces for piece in each])
