"""What is recorded of the machine beside a timing."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from pathlib import Path

import pytest

from harness.runner import load
from harness.runner.execute import execute
from harness.spec import Spec
from tests.runner.toys import plan_toys


def test_a_timed_cell_tells_of_the_machine_and_others_do_not(llamas: list[Spec], tmp_path: Path, toys: None) -> None:
    cells = plan_toys(llamas[:1], ["clocked", "clocked_alone"], "quick")
    plain, alone = (cell.during for _, cell in execute(cells, tmp_path, 1))
    assert set(plain) == {"memory_bytes"}
    assert set(alone) == {"memory_bytes", "load_average", "core_speeds", "others_cores", "busy_processes"}
    assert len(alone["load_average"]) == 2
    assert [len(speeds) for speeds in alone["core_speeds"]] == [len(os.sched_getaffinity(0))] * 2
    assert all(speed > 1000 for speeds in alone["core_speeds"] for speed in speeds)


def test_processes_of_another_group_disturb_and_ones_own_do_not() -> None:
    with load.seen() as idle:
        pass
    assert idle["core_speeds"]
    code = "print(flush=True)\nwhile True: pass"
    own, other = (
        subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, process_group=group)
        for group in (os.getpgrp(), 0)
    )
    try:
        for process in (own, other):
            assert process.stdout
            process.stdout.readline()
        before = load._processor_seconds()
        time.sleep(1)
        after = load._processor_seconds()
    finally:
        for process in (own, other):
            process.kill()
            process.communicate()
    only = [{pid: look[pid] for pid in (own.pid, other.pid)} for look in (before, after)]
    (seconds,) = load._others(*only) or []
    assert seconds == pytest.approx(after[other.pid][1] - before[other.pid][1])
    assert seconds > 0


def test_shares_are_of_the_time_that_passed(monkeypatch: pytest.MonkeyPatch) -> None:
    looks = iter(
        [{1: (1, 5.0), 2: (2, 0.0)}, {1: (1, 6.0), 2: (2, 0.1), 3: (3, 0.5), os.getpid(): (os.getpgrp(), 9.0)}]
    )
    monkeypatch.setattr(load, "_processor_seconds", lambda: next(looks))
    clock = iter([0.0, 2.0])
    monkeypatch.setattr("harness.runner.load.time.monotonic", lambda: next(clock))
    with load.seen() as found:
        pass
    assert (found["others_cores"], found["busy_processes"]) == (0.8, 2)


def test_where_the_system_tells_nothing_no_other_is_told_of(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(load, "PROC", tmp_path)
    with load.seen() as found:
        pass
    assert set(found) == {"load_average", "core_speeds"}
