"""However a run ends, whole results stay, nothing else does, and the next run goes on from there."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from harness.cells import read_cell
from harness.runner.execute import execute
from harness.runner.plan import plan
from harness.spec import load_spec, spec_names
from tests.cli.calling import environment

SLEEPY = """
import sys

if __name__ == "__main__":
    from harness.cli import run
    from harness.cli.app import main
    from tests.runner.toys import plan_toys, register

    register()
    run.plan = plan_toys
    sys.argv = ["harness", "run", "llama-7b", "llama-13b", "--metrics", "sleeping", "--processes", "2", "--out", "out"]
    main()
"""


@pytest.fixture(autouse=True)
def interruptible() -> Iterator[None]:
    """What a shell starts in the background ignores Ctrl-C, and so would all that these tests start."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


@contextmanager
def running(*arguments: str, folder: Path) -> Iterator[subprocess.Popen[str]]:
    """An interpreter that is at work in a folder, in a group of processes of its own."""
    process = subprocess.Popen(
        [sys.executable, *arguments],
        cwd=folder,
        env={**environment(), "PIDS": str(folder / "pids")},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )
    try:
        yield process
    finally:
        if process.poll() is None:
            process.kill()
        process.communicate()


def wait_until(met: Callable[[], object], seconds: float = 60) -> None:
    end = time.monotonic() + seconds
    while not met():
        assert time.monotonic() < end, "it never happened"
        time.sleep(0.01)


def alive(pid: int) -> bool:
    """Whether a process runs; one that only waits to be reaped does not."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


@pytest.fixture
def sleepy(tmp_path: Path) -> Iterator[tuple[subprocess.Popen[str], list[int]]]:
    """A run whose two processes are both in the middle of a metric, and the numbers of those."""
    pids = tmp_path / "pids"
    pids.mkdir()
    script = tmp_path / "sleepy.py"
    script.write_text(SLEEPY)
    with running(str(script), folder=tmp_path) as process:
        wait_until(lambda: process.poll() is not None or len(list(pids.iterdir())) == 2)
        yield process, [int(path.name) for path in pids.iterdir()]


Sleepy = tuple[subprocess.Popen[str], list[int]]
NOTHING_STORED = "interrupted: 0 of 2 results are stored in out; the same command goes on from there"


def test_ctrl_c_ends_what_is_being_measured(sleepy: Sleepy) -> None:
    process, workers = sleepy
    assert len(workers) == 2
    os.killpg(process.pid, signal.SIGINT)  # as a terminal does: to every process of the group
    _, err = process.communicate(timeout=30)
    assert process.returncode == 130
    assert err.splitlines()[0].strip() == NOTHING_STORED
    assert "Traceback" not in err
    wait_until(lambda: not any(map(alive, workers)), 10)


def test_a_process_that_is_killed_ends_the_run(sleepy: Sleepy) -> None:
    process, workers = sleepy
    os.kill(workers[0], signal.SIGKILL)
    _, err = process.communicate(timeout=30)
    assert process.returncode == 2
    assert err.splitlines()[-1].startswith("a process that measured died, perhaps for want of memory; ")
    assert "Traceback" not in err
    wait_until(lambda: not any(map(alive, workers)), 10)


@pytest.mark.skipif(not Path("/proc/self/stat").exists(), reason="processes are looked up in /proc")
def test_no_process_outlives_a_run_that_is_killed(sleepy: Sleepy) -> None:
    process, workers = sleepy
    assert all(map(alive, workers))
    process.kill()
    wait_until(lambda: not any(map(alive, workers)), 20)


def test_an_interrupted_run_goes_on_from_whole_results(tmp_path: Path) -> None:
    chosen = ["kv_cache", "params"]
    cells = plan(map(load_spec, spec_names()), chosen, "quick")
    out = tmp_path / "out"

    def stored() -> list[Path]:
        return sorted((out / "results").glob("*/*.json"))

    with running("-m", "harness", "run", "--metrics", ",".join(chosen), "--out", "out", folder=tmp_path) as process:
        wait_until(lambda: process.poll() is not None or stored())
        process.send_signal(signal.SIGINT)
        _, err = process.communicate(timeout=30)
    assert process.returncode == 130
    first = {path: path.read_bytes() for path in stored()}
    assert 0 < len(first) < len(cells)
    assert [path for path in out.rglob("*") if path.is_file() and path not in first] == []
    assert {read_cell(path).status for path in first} == {"ok"}
    (told,) = re.findall(rf"^interrupted: (\d+) of {len(cells)} results are stored in out; ", err, re.MULTILINE)
    assert len(first) - 1 <= int(told) <= len(first)  # the last one may be stored, yet not counted

    missing = [cell for cell in cells if not cell.is_stored(out)]
    assert len(missing) == len(cells) - len(first)
    list(execute(missing[:1], out, 1))
    assert len(stored()) == len(first) + 1
    assert {path: path.read_bytes() for path in first} == first
