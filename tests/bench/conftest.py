"""What is told beside pytest's own report: lines while something takes long, and a table of comparisons at the end."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator, Sequence
from datetime import timedelta
from typing import Any, TextIO

import pytest
from pytest_benchmark.fixture import BenchmarkFixture

from harness.cells import environment
from harness.progress import Progress, every, heard_by
from tests.bench.pairs import Compare, Comparison, Measured, Remark, record

EVERY_S = 30.0
"""Seconds between lines about a test that tells nothing."""
RECORDED = pytest.StashKey[list[dict[str, Any]]]()
REMARKS = pytest.StashKey[list[str]]()
"""Lines for the end, by tests that compare nothing."""


class Screen:
    """Standard error as it was before pytest kept to itself what tests print.

    Attributes:
        midline: whether pytest has written since, and left its line open.
    """

    def __init__(self, stream: TextIO) -> None:
        self.stream = stream
        self.midline = False

    def say(self, line: str) -> None:
        self.stream.write("\n" * self.midline + line + "\n")
        self.stream.flush()
        self.midline = False


SCREEN = pytest.StashKey[Screen]()


def pytest_configure(config: pytest.Config) -> None:
    config.stash[SCREEN] = Screen(os.fdopen(os.dup(2), "w", encoding="utf-8"))
    config.stash[RECORDED], config.stash[REMARKS] = [], []


def pytest_unconfigure(config: pytest.Config) -> None:
    config.stash[SCREEN].stream.close()


@pytest.hookimpl(tryfirst=True)
def pytest_runtest_setup(item: pytest.Item) -> None:
    item.config.stash[SCREEN].midline = True  # behind the name of the file, or the dot of the test before


@pytest.fixture(scope="module", autouse=True)
def told(request: pytest.FixtureRequest) -> Iterator[None]:
    """Lines about a module under way, when a process of it ends and twice a minute."""
    screen, name = request.config.stash[SCREEN], request.node.name
    began, part = time.monotonic(), "under way"

    def say() -> None:
        screen.say(f"{name}: {part}, {timedelta(seconds=int(time.monotonic() - began))} so far")

    def hear(progress: Progress) -> None:
        nonlocal part
        part = f"{progress.what}, {progress.done} of {progress.total}"
        say()

    with every(EVERY_S, say), heard_by(hear):
        yield


@pytest.fixture
def compare(benchmark: BenchmarkFixture, request: pytest.FixtureRequest) -> Compare:
    """Record a comparison of what was measured, for the benchmark file and for the table at the end."""

    def compare(measured: Measured, comparison: Comparison) -> dict[str, Any]:
        recorded = record(benchmark, measured, comparison)
        request.config.stash[RECORDED].append(recorded)
        return recorded

    return compare


@pytest.fixture
def remark(request: pytest.FixtureRequest) -> Remark:
    """Keep a line for the end."""
    return request.config.stash[REMARKS].append


@pytest.hookimpl(trylast=True)  # the last table is the one that stays on the screen
def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter, config: pytest.Config) -> None:
    recorded, remarks = config.stash[RECORDED], config.stash[REMARKS]
    if not recorded and not remarks:
        return
    hardware = environment()["hardware"]
    terminalreporter.section("comparisons: recorded, not judged; the gate is `harness compare`")
    terminalreporter.write_line(f"{hardware['processor']}, {hardware['cores']} cores, one of them used")
    for line in table(recorded) if recorded else []:
        terminalreporter.write_line(line)
    for line in remarks:
        terminalreporter.write_line(line)


def table(recorded: Sequence[dict[str, Any]]) -> Iterator[str]:
    """A line for each comparison."""
    head = ("time of ... to ...", "ratio (99 %)", "noise", "verdict", "goal", "load before, after")
    rows = [head, *map(_row, recorded)]
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    for row in rows:
        yield "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip()


def _row(told: dict[str, Any]) -> tuple[str, ...]:
    ratio, load = told["ratio"], told["conditions"]["load_average"]
    return (
        told["comparison"],
        f"{ratio['mid']:.3f} ({ratio['low']:.3f} to {ratio['high']:.3f})",
        "{:.3f} to {:.3f}".format(*told["noise"]),
        told["verdict"],
        "" if told["goal"] is None else f"at most {told['goal']:g}",
        f"{load['before']:.1f}, {load['after']:.1f}",
    )
