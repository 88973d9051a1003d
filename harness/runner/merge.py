"""Several folders of results, as machines that shared a run wrote them, joined into one."""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from harness.cells import Cell, cell_path, read_cell, write_cell
from harness.errors import CountMismatchError, HarnessError
from harness.experiments import experiments
from harness.metrics import metrics


@dataclass(frozen=True)
class Merged:
    """What was joined.

    Attributes:
        cells: that lie in the joined folder, one a key.
        unreadable: why files were left out.
    """

    cells: list[Cell]
    unreadable: list[str]

    def machines(self) -> dict[str, dict[str, int]]:
        """How many results each machine has of a metric that does not count, for those that several have measured."""
        found: dict[str, dict[str, int]] = defaultdict(lambda: defaultdict(int))
        for cell in self.cells:
            if not _exact(cell):
                found[cell.metric][machine(cell)] += 1
        return {metric: dict(counts) for metric, counts in sorted(found.items()) if len(counts) > 1}


def merge(folders: Sequence[Path], out: Path) -> Merged:
    """Join the results of folders, and of `out` if it has any, in `out`.

    Of two results with one key, which is of one machine, a good one goes before a failure, and then the newer.

    Raises:
        CountMismatchError: two good results of what counts differ; then nothing is written.
        HarnessError: a folder holds no results.
    """
    chosen: dict[tuple[str, str], tuple[Cell, Path]] = {}
    exact: dict[str, tuple[Cell, Path]] = {}
    unreadable = []
    for folder in folders:
        if not (folder / "results").is_dir():
            raise HarnessError(f"{folder}: holds no results")
    for folder in dict.fromkeys((out, *folders)):
        for path in sorted((folder / "results").glob("*/*.json")):
            try:
                cell = read_cell(path)
            except HarnessError as error:
                unreadable.append(str(error))
                continue
            _agree(exact, cell, path)
            key = (cell.subject, cell.key)
            if key not in chosen or _rank(chosen[key][0]) < _rank(cell):
                chosen[key] = cell, path
    for cell, path in chosen.values():
        if path != cell_path(out, cell.subject, cell.metric, cell.key):
            write_cell(out, cell)
    return Merged([cell for cell, _ in chosen.values()], unreadable)


def _rank(cell: Cell) -> tuple[bool, str]:
    return cell.status == "ok", cell.created


def _exact(cell: Cell) -> bool:
    return cell.spec is not None and cell.metric in metrics.names() and metrics[cell.metric].exact


def _agree(known: dict[str, tuple[Cell, Path]], cell: Cell, path: Path) -> None:
    """Hold what a cell counts against the same of another machine, or of another spec that is the same architecture."""
    counted = cell.values if _exact(cell) else cell.values.get("exact") if cell.metric in experiments.names() else None
    if cell.status != "ok" or counted is None:
        return
    key = json.dumps(
        [cell.spec and [cell.spec.name, cell.spec.hash], cell.metric, cell.version, cell.settings], sort_keys=True
    )
    other, where = known.setdefault(key, (cell, path))
    if counted != (other.values if _exact(other) else other.values.get("exact")):
        raise CountMismatchError(f"{where} and {path}: {cell.subject}, {cell.metric}: exact figures differ")


def machine(cell: Cell) -> str:
    """The machine that a cell was measured on, in words."""
    hardware, torch = cell.environment["hardware"], cell.environment["packages"].get("torch", "?")
    return f"{hardware['processor']}, {hardware['cores']} cores, torch {torch}"
