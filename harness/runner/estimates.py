"""How long cells take and what memory they need, before they are measured."""

from __future__ import annotations

import statistics
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import NamedTuple

from harness.cells import Cell, read_cell
from harness.errors import HarnessError
from harness.runner.limits import LONGEST_S, Limits, gib, machine_bytes
from harness.runner.plan import PlannedCell

MIB = 1 << 20
TIMES_LONGER = 20
"""How many times its estimate a cell may take."""
SHORTEST_LIMIT_S = 3600.0
READ = 50
"""Stored results of a metric that an estimate is taken from."""


@dataclass(frozen=True)
class Estimate:
    """What a cell will take.

    Attributes:
        seconds: of time; None where nothing is known.
        memory_bytes: None where nothing is known.
        source: where both come from.
    """

    seconds: float | None
    memory_bytes: int | None
    source: str


class Usual(NamedTuple):
    """A metric or an experiment where nothing is stored yet.

    Attributes:
        unit: of its figures.
        quick_s: seconds a cell in the quick profile.
        full_s: in the full one.
        mebibytes: of memory.
    """

    unit: str
    quick_s: float
    full_s: float
    mebibytes: int


TABLE = {
    "attention_pairs": Usual("pairs of query and key", 1, 1, 500),
    "behaviour": Usual("true, false or a number", 1, 1, 500),
    "claims": Usual("verdicts", 0.1, 0.1, 200),
    "flops": Usual("FLOPs, 2 a multiply-add", 1, 1, 600),
    "kv_cache": Usual("bytes, tokens", 1, 1, 500),
    "params": Usual("scalars", 1, 1, 500),
    "icl": Usual("share of right answers", 60, 600, 800),
    "icl_weights": Usual("share of right answers", 600, 1200, 1500),
    "icl_wide": Usual("share of right answers", 600, 1800, 800),
    "attention": Usual("ratios of seconds", 120, 900, 1500),
    "decoding": Usual("ratios of seconds", 120, 600, 1500),
    "norms": Usual("ratios of seconds", 60, 600, 1000),
    "recall": Usual("share of right answers over bytes", 1800, 7200, 1000),
    "stability": Usual("scales, losses", 60, 300, 800),
    "throughput": Usual("ratios of seconds, bytes", 120, 600, 2000),
}
"""Rough figures, as on two cores of a server."""


class Estimates:
    """Of cells, from what is stored in a folder of the same metric, else from the table.

    Args:
        folder: of the run.
        profile: `quick` or `full`.
    """

    def __init__(self, folder: Path, profile: str) -> None:
        self.full = profile == "full"
        self.files: dict[str, list[Path]] = defaultdict(list)
        for path in sorted((folder / "results").glob("*/*.json")):
            self.files[path.name.rpartition("-")[0]].append(path)
        self.past: dict[str, list[Cell]] = {}

    def of(self, planned: PlannedCell) -> Estimate:
        """The median of results with the same settings; where there are none, of all of the metric."""
        past = self._past(planned.metric)
        alike = [cell for cell in past if cell.settings == planned.settings] or past
        if alike:
            return Estimate(
                statistics.median(cell.seconds for cell in alike),
                max(_median(alike), planned.held_bytes) or None,
                f"{len(alike)} stored",
            )
        if planned.metric not in TABLE:
            return Estimate(None, planned.held_bytes or None, "unknown")
        usual = TABLE[planned.metric]
        return Estimate(
            usual.full_s if self.full else usual.quick_s, usual.mebibytes * MIB + planned.held_bytes, "table"
        )

    def limits(self, planned: PlannedCell, seconds: float | None = None, memory_bytes: int | None = None) -> Limits:
        """What a cell may take: what was asked for, else many times its estimate, and the memory of the machine.

        Raises:
            HarnessError: by its estimate it needs more memory than that.
        """
        estimate = self.of(planned)
        usual = LONGEST_S if estimate.seconds is None else max(SHORTEST_LIMIT_S, TIMES_LONGER * estimate.seconds)
        limits = Limits(seconds or usual, memory_bytes or machine_bytes())
        if estimate.memory_bytes and estimate.memory_bytes > limits.memory_bytes:
            raise HarnessError(f"it needs some {gib(estimate.memory_bytes)}, its limit is {gib(limits.memory_bytes)}")
        return limits

    def _past(self, metric: str) -> list[Cell]:
        if metric not in self.past:
            self.past[metric] = list(islice(_good(self.files[metric]), READ))
        return self.past[metric]


def _good(paths: Iterable[Path]) -> Iterator[Cell]:
    """Results that can be read and are none of a failure."""
    for path in paths:
        with suppress(HarnessError):
            if (cell := read_cell(path)).status == "ok":
                yield cell


def _median(cells: Sequence[Cell]) -> int:
    """Of the memory that cells took; 0 where none tells."""
    told = [cell.during["memory_bytes"] for cell in cells if cell.during.get("memory_bytes")]
    return int(statistics.median(told)) if told else 0
