"""Which kernels suit which processor: every threshold of this program, and where it was measured. No torch.

The row is chosen by maker and instruction set, never by timing, so that two runs on one machine give the same bits. Two
rows round otherwise: the row is part of what a result is stored under, and of the identity of a trained model.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from functools import cached_property

from harness.errors import HarnessError, did_you_mean
from harness.processor import Processor, processor

VARIABLE = "HARNESS_KERNELS"
"""Environment variable that names the row to compute by."""
NEVER = 1 << 62


@dataclass(frozen=True)
class Tuning:
    """One row of the table. Lengths are in tokens; `from` and `up to` include the number itself.

    Attributes:
        name: of the row.
        measured_on: the processor, or that there was none.
        onednn_from: multiply-adds of a product from which on oneDNN is faster than torch's own library (MKL on x86).
        onednn_gradients_from: the same in training, where oneDNN's gradients are called from Python.
        sparse_from: tokens from which on a sparse pattern skips its hidden pairs; below, one kernel under a mask is
            faster than several small ones.
        band_block: queries of a block of a band. A longer one computes larger corners outside the band.
        wide_band_block: the same for windows from `wide_band_from` on, which outweigh the corners.
        wide_band_from: keys of a window.
        triangle_strip: queries of the strips under masks that a causal triangle up to `triangle_strips_up_to` is cut
            into; torch's kernel takes longer for a triangle of these sizes.
        triangle_strips_up_to: rows of a triangle.
        summaries_chunk: queries that are held against summaries at once. A longer chunk sees less of its keys.
        diagonals_chunk: entries of queries at once, which the second-level cache of a core is to hold with their keys.
        products_from: keys of a head from which on one query is computed by products instead of torch's kernel.
        few_queries: queries that share a key head, below which the scores of all heads are one batched product.
        codes_from: keys of a head from which on an int8 cache is expanded head by head, not at once.
        codes_of_all_from: the same, as entries of all heads.
        mask_strip: queries that are attended at once under a mask.
        band_aligned_to: keys of a block of a band are a multiple of it, the floats of a vector register: otherwise the
            products take a fifth longer.
        mask_strip_elsewhere: `mask_strip` off the CPU, where more is wanted at once. No GPU has tried it.
    """

    name: str
    measured_on: str
    sparse_from: int
    triangle_strip: int
    diagonals_chunk: int
    codes_of_all_from: int
    mask_strip: int
    onednn_from: int = NEVER
    onednn_gradients_from: int = NEVER
    products_from: int = NEVER
    few_queries: int = 4
    codes_from: int = 4096
    band_block: int = 32
    wide_band_block: int = 192
    wide_band_from: int = 1024
    band_aligned_to: int = 16
    triangle_strips_up_to: int = 512
    summaries_chunk: int = 1024
    mask_strip_elsewhere: int = 1024

    @cached_property
    def identity(self) -> str:
        """The name and a digest of the thresholds: what results that depend on them are stored under."""
        thresholds = {name: value for name, value in asdict(self).items() if isinstance(value, int)}
        return f"{self.name} {hashlib.sha256(repr(thresholds).encode()).hexdigest()[:8]}"


TORCH = Tuning(
    name="torch",
    measured_on="none: torch's own products, and kernels with thresholds at which they gain on every row below",
    sparse_from=512,
    triangle_strip=64,
    diagonals_chunk=1 << 17,
    codes_of_all_from=1 << 21,
    mask_strip=64,
)
"""For every processor that no other row is for."""

AMD_AVX512 = Tuning(
    name="amd-avx512",
    measured_on="AMD EPYC, family 26, one thread",
    sparse_from=256,
    triangle_strip=64,
    diagonals_chunk=1 << 18,
    codes_of_all_from=1 << 21,
    mask_strip=64,
    onednn_from=1 << 18,  # MKL has half of oneDNN's speed here: 107 against 240 GFLOP/s
    onednn_gradients_from=1 << 21,
    products_from=4096,
)

INTEL_AVX512 = Tuning(
    name="intel-avx512",
    measured_on="Intel Xeon, family 6, model 167, AVX-512, 2 MiB of second-level cache a core, one thread",
    sparse_from=384,  # at 256 half of the patterns are slower by up to 8 %
    triangle_strip=32,
    diagonals_chunk=1 << 16,
    codes_of_all_from=1 << 18,
    mask_strip=128,
    # Products stay torch's own: MKL is as fast as oneDNN or faster, from 64 by 64 to 1024 by 1024.
)

TABLE = {("Intel", "AVX-512"): INTEL_AVX512, ("AMD", "AVX-512"): AMD_AVX512}
"""By maker and instruction set: every such processor of a maker has the row of the one that was measured."""
ROWS = {row.name: row for row in (TORCH, AMD_AVX512, INTEL_AVX512)}

_chosen: Tuning | None = None


def tuning() -> Tuning:
    """The row that this process computes by.

    Raises:
        HarnessError: the environment names a row that there is not.
    """
    global _chosen  # noqa: PLW0603  # read by every product: a look-up in a cache would cost more than the choice
    if _chosen is None:
        name = os.environ.get(VARIABLE)
        _chosen = row_for(processor()) if name is None else _named(name)
    return _chosen


def row_for(processor: Processor) -> Tuning:
    """The row of a processor: one that was measured, or torch's own."""
    return TABLE.get((processor.maker, processor.instruction_set), TORCH)


@contextmanager
def tuned(row: Tuning) -> Iterator[None]:
    """Compute by another row within the context."""
    global _chosen  # noqa: PLW0603
    before, _chosen = _chosen, row
    try:
        yield
    finally:
        _chosen = before


def _named(name: str) -> Tuning:
    if name not in ROWS:
        raise HarnessError(f"{VARIABLE}: unknown row {name!r}; {did_you_mean(name, list(ROWS))}")
    return ROWS[name]
