"""Which cells a run is made of, and which of them are stored already."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from harness.cells import MACHINE, cell_key, cell_path, environment, read_cell
from harness.errors import HarnessError
from harness.experiments import Experiment, experiments
from harness.metrics import Metric, metrics
from harness.spec.model import Spec
from harness.timing import device_name


@dataclass(frozen=True, eq=False)
class PlannedCell:
    """One metric on one spec, or one experiment, with one set of settings; a key of dicts by identity.

    Attributes:
        spec: what is measured; None for an experiment.
        metric: name of the metric or the experiment.
    """

    spec: Spec | None
    metric: str
    settings: dict[str, Any]

    def __str__(self) -> str:
        return f"{self.spec.name}, {self.metric}" if self.spec else self.metric

    @property
    def subject(self) -> str:
        """The name of the spec, or what stands for it."""
        return self.spec.name if self.spec else MACHINE

    @property
    def _measured(self) -> type[Metric | Experiment]:
        return metrics[self.metric] if self.spec else experiments[self.metric]

    @property
    def version(self) -> int:
        """Of the metric or the experiment."""
        return self._measured.version

    @property
    def timed(self) -> bool:
        """Whether it must have the machine to itself."""
        return self._measured.timed

    @property
    def held_bytes(self) -> int:
        """Memory of a model that is held whole while it is measured; 0 where none is."""
        return metrics[self.metric]().held_bytes(self.spec) if self.spec else 0

    def values(self) -> dict[str, Any]:
        """Measure it. Raises as the metric does."""
        if self.spec is None:
            return experiments[self.metric]().measure(self.settings)
        return metrics[self.metric]().measure(self.spec, self.settings)

    @cached_property
    def _key(self) -> str:
        return cell_key(self.spec.hash if self.spec else "", self.metric, self.version, self.settings, environment())

    def path(self, folder: Path) -> Path:
        """Where its result is stored."""
        return cell_path(folder, self.subject, self.metric, self._key)

    def has_failed(self, folder: Path) -> bool:
        """Whether it is stored that it failed."""
        path = self.path(folder)
        try:
            return path.is_file() and read_cell(path).status == "failed"
        except (HarnessError, OSError):
            return False

    def is_stored(self, folder: Path) -> bool:
        """Whether a good result is there already; one that failed, or cannot be read, is measured again."""
        path = self.path(folder)
        try:
            return path.is_file() and read_cell(path).status == "ok"
        except (HarnessError, OSError):
            return False


def plan(
    specs: Iterable[Spec], names: Iterable[str], profile: str, asked_for: bool = True, named: Collection[str] = ()
) -> list[PlannedCell]:
    """Metrics on specs, spec by spec.

    Args:
        specs: what is measured.
        names: of metrics.
        profile: `quick` or `full`.
        asked_for: whether both were chosen by the user: then a metric measures every spec that it applies to.
            Otherwise it may leave out some for the time that they would take.
        named: the names of specs that the user wrote out: where the profile takes a metric, it measures all of these.
    """
    chosen = [(name, metrics[name]()) for name in names]
    return [
        PlannedCell(spec, name, metric.settings(spec, profile))
        for spec in specs
        for name, metric in chosen
        if metric.applies(spec)
        if asked_for or (profile in metric.profiles and (spec.name in named or metric.in_profile(spec, profile)))
    ]


def plan_experiments(names: Iterable[str], profile: str) -> list[PlannedCell]:
    """Experiments, each with all its settings and the device, so that results of two devices stand side by side."""
    return [
        PlannedCell(None, name, {**settings, "device": device_name()})
        for name in names
        for settings in experiments[name]().settings(profile)
    ]


def sharded(cells: Sequence[PlannedCell], shard: str) -> list[PlannedCell]:
    """The part of a plan that one of several machines measures: of `2/4`, every fourth cell from the second on.

    Raises:
        HarnessError: it is no such pair.
    """
    found = re.fullmatch(r"([1-9]\d{0,6})/([1-9]\d{0,6})", shard)
    if not found or int(found[1]) > int(found[2]):
        raise HarnessError(f"--shard: found {shard!r}, expected i/N with 1 <= i <= N, such as 2/4")
    return list(cells[int(found[1]) - 1 :: int(found[2])])
