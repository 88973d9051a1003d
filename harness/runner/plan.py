"""Which cells a run is made of, and which of them are stored already."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from harness.errors import HarnessError
from harness.metrics import metrics
from harness.results import cell_key, cell_path, environment, read_cell
from harness.spec.model import Spec


@dataclass(frozen=True, eq=False)
class PlannedCell:
    """One metric on one spec with one set of settings; a key of dicts by identity."""

    spec: Spec
    metric: str
    settings: dict[str, Any]

    def path(self, folder: Path) -> Path:
        """Where its result is stored."""
        version = metrics[self.metric].version
        key = cell_key(self.spec.hash, self.metric, version, self.settings, environment())
        return cell_path(folder, self.spec.name, self.metric, key)

    def is_stored(self, folder: Path) -> bool:
        """Whether a good result is there already; one that failed, or cannot be read, is measured again."""
        path = self.path(folder)
        try:
            return path.is_file() and read_cell(path).status == "ok"
        except (HarnessError, OSError):
            return False


def plan(specs: Iterable[Spec], names: Iterable[str], profile: str, asked_for: bool = True) -> list[PlannedCell]:
    """Every metric on every spec that it applies to, spec by spec.

    Args:
        specs: what is measured.
        names: of metrics.
        profile: `quick` or `full`.
        asked_for: whether both were named by the user; if not, a metric that takes long measures some specs only.
    """
    chosen = [(name, metrics[name]()) for name in names]
    return [
        PlannedCell(spec, name, metric.settings(spec, profile))
        for spec in specs
        for name, metric in chosen
        if metric.applies(spec) and (asked_for or metric.in_profile(spec, profile))
    ]
