"""However a run ends, whole results stay, nothing else does, and the next run goes on from there."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import pytest

from harness.cells import read_cell
from harness.runner.execute import execute
from harness.runner.plan import plan
from harness.spec import load_spec, spec_names
from tests.cli.calling import environment
from tests.runner.processes import alive, wait_until

SLEEPY = """
import sys

if __name__ == "__main__":
    from harness.__main__ import main
    from harness.cli import run
    from tests.runner.toys import plan_toys, register

    register()
    run.plan = plan_toys
    sys.argv = ["harness", "run", "llama-7b", "llama-13b", "--metrics", "sleeping", "--processes", "2", "--out", "out"]
    main()
"""


@pytest.fixture(autouse=True)
def interruptible() -> Iterator[None]:
    """What a shell starts in the background ignores Ctrl-C, what nohup starts a lost terminal, and so would all that
    these tests start.
    """
    handlers = {signal.SIGINT: signal.default_int_handler, signal.SIGHUP: signal.SIG_DFL}
    before = {number: signal.signal(number, handler) for number, handler in handlers.items()}
    yield
    for number, handler in before.items():
        signal.signal(number, handler)


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


WITHIN_S = 2


def in_group_of(workers: list[int]) -> list[int]:
    """Processes that run in the groups that workers lead."""
    found = []
    for path in Path("/proc").iterdir():
        if path.name.isdecimal():
            with suppress(OSError):
                if os.getpgid(int(path.name)) in workers and alive(int(path.name)):
                    found.append(int(path.name))
    return found


@pytest.mark.parametrize(
    ("signals", "code"),
    [
        ([signal.SIGINT], 130),
        ([signal.SIGINT, signal.SIGINT], 130),
        ([signal.SIGINT] * 5, 130),
        ([signal.SIGTERM], 143),
        ([signal.SIGTERM, signal.SIGINT], 143),
        ([signal.SIGHUP], 129),
    ],
)
def test_a_run_that_is_told_to_end_ends_at_once(sleepy: Sleepy, signals: list[signal.Signals], code: int) -> None:
    process, workers = sleepy
    assert len(workers) == 2
    began = time.monotonic()
    for number in signals:
        os.killpg(process.pid, number)  # as a terminal does: to every process of the group
        time.sleep(0.05)
    _, err = process.communicate(timeout=30)
    assert time.monotonic() - began < WITHIN_S
    assert process.returncode == code
    assert err == f"{NOTHING_STORED}\n"
    assert in_group_of(workers) == []


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
@pytest.mark.parametrize("after_s", [0.1, 0.3, 0.6, 1.0, 3.0])
def test_it_ends_at_once_while_it_imports_and_begins(tmp_path: Path, number: signal.Signals, after_s: float) -> None:
    script = tmp_path / "ready.py"
    script.write_text(
        "if __name__ == '__main__':\n"
        "    from harness.__main__ import main\n    print('ready', flush=True)\n    main()\n"
    )
    with running(str(script), "run", "--metrics", "exact", "--out", "out", folder=tmp_path) as process:
        assert process.stdout
        assert process.stdout.readline() == "ready\n"
        time.sleep(after_s)
        began = time.monotonic()
        for _ in range(2):
            process.send_signal(number)
        _, err = process.communicate(timeout=30)
    assert time.monotonic() - began < WITHIN_S
    assert process.returncode == 128 + number
    *told, last = err.splitlines()  # a fast machine has begun to measure, and may have told of a metric
    assert last.startswith("interrupted")
    assert "the same command goes on from " in last
    assert not re.search("Traceback|failed", "".join(told))
    assert list(tmp_path.rglob(".*.tmp")) == []


def test_an_end_that_is_held_up_comes_all_the_same(tmp_path: Path) -> None:
    """A main thread that deals with all that is raised in it keeps nobody waiting."""
    script = tmp_path / "stubborn.py"
    script.write_text(
        "import time\nfrom harness.ending import listen\nlisten()\nwords = ['ready\\n']\n"
        "while True:\n    try:\n        print(*words, end='', flush=True)\n        words = []\n        time.sleep(9)\n"
        "    except BaseException:\n        pass\n"
    )
    with running(str(script), folder=tmp_path) as process:
        assert process.stdout
        assert process.stdout.readline() == "ready\n"
        began = time.monotonic()
        process.send_signal(signal.SIGINT)
        _, err = process.communicate(timeout=30)
    assert time.monotonic() - began < WITHIN_S
    assert (process.returncode, err) == (130, "interrupted; the same command goes on from what is stored\n")


def test_a_process_that_is_killed_is_one_cell_that_failed(sleepy: Sleepy) -> None:
    process, workers = sleepy
    os.kill(workers[0], signal.SIGKILL)
    assert process.stderr
    line = process.stderr.readline()
    assert re.fullmatch(r"1 of 2: llama-\d+b, sleeping: failed, took 0:00:\d\d\n", line)
    process.send_signal(signal.SIGINT)
    _, err = process.communicate(timeout=30)
    assert err == "interrupted: 1 of 2 results are stored in out; the same command goes on from there\n"
    (path,) = Path(process.args[1]).parent.glob("out/results/*/*.json")  # type: ignore[index]
    assert re.fullmatch(
        r"sleeping of llama-\d+b: its process was ended by SIGKILL, perhaps for want of memory", read_cell(path).reason
    )
    assert in_group_of(workers) == []


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
