"""Metrics that cost nothing, for tests of what measures them. They are registered for the time of a test only."""

from __future__ import annotations

import multiprocessing
import os
import subprocess
import sys
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


class Panic(BaseException):
    """As pyo3 raises where Rust panics."""


class Panicking(Toy):
    """Panics in native code, of llama-13b."""

    def measure(self, spec: Spec, settings: dict[str, Any]) -> dict[str, Any]:
        if spec.name == "llama-13b":
            raise Panic("range end index 3 out of range for slice of length 2")
        return super().measure(spec, settings)


class Hoarding(Toy):
    """Takes a gibibyte at once, of llama-13b."""

    def measure(self, spec: Spec, settings: dict[str, Any]) -> dict[str, Any]:
        if spec.name == "llama-13b":
            bytearray(1 << 30)
        return super().measure(spec, settings)


class Spreading(Toy):
    """Takes 300 MiB in each of three processes that it starts, of llama-13b."""

    def measure(self, spec: Spec, settings: dict[str, Any]) -> dict[str, Any]:
        if spec.name == "llama-13b":
            code = "import time; held = b'x' * (300 << 20); time.sleep(60)"
            started = [subprocess.Popen([sys.executable, "-c", code]) for _ in range(3)]
            for process in started:
                process.wait()
        return super().measure(spec, settings)


class Unstorable(Toy):
    """Gives for llama-13b what JSON cannot hold."""

    def measure(self, spec: Spec, settings: dict[str, Any]) -> dict[str, Any]:
        return {"layers": object()} if spec.name == "llama-13b" else super().measure(spec, settings)


class Hanging(Toy):
    """Never ends, of llama-13b; the process that it starts neither."""

    def measure(self, spec: Spec, settings: dict[str, Any]) -> dict[str, Any]:
        if spec.name == "llama-13b":
            started = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)"])
            (Path(os.environ["PIDS"]) / str(started.pid)).touch()
            time.sleep(600)
        return super().measure(spec, settings)


class Slow(Toy):
    """Takes a second, and tells nothing."""

    def measure(self, spec: Spec, settings: dict[str, Any]) -> dict[str, Any]:
        time.sleep(1)
        return super().measure(spec, settings)


def slow_sample(settings: dict[str, Any], number: int) -> None:
    """What a process measures that takes a second."""
    time.sleep(1)


class Clocked(Toy):
    """When it began and ended, by a clock that all processes share."""

    def measure(self, spec: Spec, settings: dict[str, Any]) -> dict[str, Any]:
        began = time.monotonic()
        time.sleep(0.2)
        return {"began": began, "ended": time.monotonic()}


class ClockedAlone(Clocked):
    """The same, with the machine to itself."""

    timed = True


class Timing(Toy):
    """Measures in processes of their own, as what is timed does."""

    timed = True

    def measure(self, spec: Spec, settings: dict[str, Any]) -> dict[str, Any]:
        in_fresh_processes(slow_sample, {}, 2)
        return super().measure(spec, settings)


class Brief(Toy):
    """Takes a hundredth of a second."""

    def measure(self, spec: Spec, settings: dict[str, Any]) -> dict[str, Any]:
        time.sleep(0.01)
        return super().measure(spec, settings)


TOYS: dict[str, type[Metric]] = {
    "toy": Toy,
    "refusing": Refusing,
    "mistaken": Mistaken,
    "telling": Telling,
    "dying": Dying,
    "sleeping": Sleeping,
    "slow": Slow,
    "brief": Brief,
    "panicking": Panicking,
    "hoarding": Hoarding,
    "spreading": Spreading,
    "unstorable": Unstorable,
    "hanging": Hanging,
    "timing": Timing,
    "clocked": Clocked,
    "clocked_alone": ClockedAlone,
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
