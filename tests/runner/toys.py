"""Metrics that cost nothing, for tests of what measures them. They are registered for the time of a test only."""

from __future__ import annotations

import multiprocessing
import os
import time
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import pytest

from harness.errors import HarnessError
from harness.metrics import Metric, metrics
from harness.progress import tell
from harness.runner import plan as planning
from harness.runner.plan import PlannedCell
from harness.spec import Spec
from harness.timing import in_fresh_processes


class Toy(Metric):
    """The number of layers, times a setting that the profile decides."""

    version = 1

    def settings(self, spec: Spec, profile: str) -> dict[str, Any]:
        return {"factor": 2 if profile == "full" else 1}

    def measure(self, spec: Spec, settings: dict[str, Any]) -> dict[str, Any]:
        return {"layers": spec.dims.num_layers * int(settings["factor"])}


class Refusing(Toy):
    """No number for llama-13b."""

    def measure(self, spec: Spec, settings: dict[str, Any]) -> dict[str, Any]:
        if spec.name == "llama-13b":
            raise HarnessError("llama-13b: no such number")
        return super().measure(spec, settings)


class Mistaken(Toy):
    """A mistake of its author's."""

    def measure(self, spec: Spec, settings: dict[str, Any]) -> dict[str, Any]:
        return {"ratio": spec.dims.num_layers / 0}


class Telling(Toy):
    """Tells how far it is, layer by layer."""

    def measure(self, spec: Spec, settings: dict[str, Any]) -> dict[str, Any]:
        for layer in range(spec.dims.num_layers):
            tell("layers", layer + 1, spec.dims.num_layers)
        return super().measure(spec, settings)


class Dying(Toy):
    """Takes its process with it, as the kernel does when memory runs out."""

    def measure(self, spec: Spec, settings: dict[str, Any]) -> dict[str, Any]:
        if spec.name == "llama-13b":
            os._exit(9)
        return super().measure(spec, settings)


class Sleeping(Toy):
    """Leaves its process's number in the folder that PIDS names, and takes a minute."""

    def measure(self, spec: Spec, settings: dict[str, Any]) -> dict[str, Any]:
        (Path(os.environ["PIDS"]) / str(os.getpid())).touch()
        time.sleep(60)
        return super().measure(spec, settings)


class Slow(Toy):
    """Takes a second, and tells nothing."""

    def measure(self, spec: Spec, settings: dict[str, Any]) -> dict[str, Any]:
        time.sleep(1)
        return super().measure(spec, settings)


def slow_sample(settings: dict[str, Any], number: int) -> None:
    """What a process measures that takes a second."""
    time.sleep(1)


class Timing(Toy):
    """Measures in processes of their own, as what is timed does."""

    timed = True

    def measure(self, spec: Spec, settings: dict[str, Any]) -> dict[str, Any]:
        in_fresh_processes(slow_sample, {}, 2)
        return super().measure(spec, settings)


TOYS: dict[str, type[Metric]] = {
    "toy": Toy,
    "refusing": Refusing,
    "mistaken": Mistaken,
    "telling": Telling,
    "dying": Dying,
    "sleeping": Sleeping,
    "slow": Slow,
    "timing": Timing,
}


class ToyCell(PlannedCell):
    """A cell that makes the process that is to measure it import this module, and so know the toys."""


def plan_toys(specs: Iterable[Spec], names: Iterable[str], profile: str, *chosen: Any) -> list[PlannedCell]:
    """As `plan` does, but in toy cells."""
    planned = planning.plan(specs, names, profile, *chosen)
    return [ToyCell(cell.spec, cell.metric, cell.settings) for cell in planned]


def register() -> None:
    """Make the toys, and they alone, known to this process for good."""
    metrics._discovered = True  # the real ones would import torch, which takes seconds
    for name, toy in TOYS.items():
        metrics.register(name)(toy)


def lend(monkeypatch: pytest.MonkeyPatch) -> None:
    """Make the toys known for the time of a test."""
    metrics.names()
    for name, toy in TOYS.items():
        monkeypatch.setitem(metrics._entries, name, toy)


if multiprocessing.parent_process() is not None:
    register()
