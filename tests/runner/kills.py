"""Ends runs of 100 cells in every way, again and again, and looks at what is left: `python -m tests.runner.kills`.

Every run is of 100 cells of the kind that the tests call toys, so that a campaign takes minutes. It is ended at a
random moment, one in four while it starts: SIGKILL, SIGTERM, one SIGINT or two, of the driver; SIGKILL or SIGTERM of a
worker; a disk that is full; a folder that can only be read. Then a rerun must finish the rest. Each time must hold:

- nothing that was stored before is lost or changed by the rerun, unless it had failed;
- no stored file is unreadable, and no temporary file is left behind the rerun;
- no process outlives the run, and one that is told to end ends within two seconds;
- the results equal those of an undisturbed run but for times.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections import Counter, defaultdict
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tests.cli.calling import environment
from tests.runner.processes import alive

CELLS = 100
WITHIN_S = 2.0
WHILE_IT_STARTS = 0.25
"""The share of runs that are ended while they start."""
DISK = "256k"
"""A disk that holds some of a run's results and not all."""
RUN = f"""
def prepare():
    import sys
    from dataclasses import replace
    from harness.cli import run
    from harness.spec import load_spec
    from tests.runner.toys import ToyCell, register

    register()
    base = load_spec("gpt2-small")
    cells = [
        ToyCell(replace(base, name=f"model-{{number:03}}"), "brief", {{"factor": number}}) for number in range({CELLS})
    ]
    run.planned_cells = lambda *_: (cells, [])
    sys.argv = ["harness", "run", "--metrics", "exact", "--processes", "2", "--out", sys.argv[1]]


if __name__ == "__main__":
    from harness.__main__ import main
    from harness.ending import Ended, leave, listen

    listen()
    print("ready", flush=True)
    try:
        prepare()
    except Ended as ended:
        leave(ended)
    main()
"""

Files = dict[str, dict[str, Any]]


class LostError(AssertionError):
    """Something that a run must keep to, and did not."""


@dataclass
class Campaign:
    """Runs in one folder, one after the other.

    Attributes:
        folder: for scripts and results.
        draw: random numbers.
        seconds: from a signal to the end of a run, by way.
        stored: how many results there were when a run had ended, by way.
    """

    folder: Path
    draw: random.Random
    seconds: dict[str, list[float]] = field(default_factory=lambda: defaultdict(list))
    stored: dict[str, list[int]] = field(default_factory=lambda: defaultdict(list))

    def __post_init__(self) -> None:
        self.script = self.folder / "run.py"
        self.script.write_text(RUN)
        began = time.monotonic()
        self._finish(self.folder / "undisturbed")
        self.starts_s = time.monotonic() - began - CELLS * 0.01 / 2
        self.expected = results(self.folder / "undisturbed")
        require(len(self.expected) == CELLS, "the undisturbed run is not whole")

    def run(self, way: str) -> None:
        """End a run in one way, look at what is left, and let another finish it."""
        with room(self.folder / "out", DISK if way == "full disk" else "64m") as out:
            process = self._start(out)
            try:
                self._disturb(way, process, out)
                before = results(out)
                self.stored[way].append(len(before))
                if way in ("full disk", "read-only folder"):
                    subprocess.run(["mount", "-o", "remount,rw,size=64m", str(out)], check=True)
                self._finish(out)
            finally:
                process.kill()
                process.communicate()
            after = results(out)
            require(set(after) == set(self.expected), "the rerun did not finish the rest")
            require(all(after[name] == cell for name, cell in before.items() if cell["status"] == "ok"), "changed")
            require(all(exact(after[name]) == exact(self.expected[name]) for name in after), "other results")
            require(not list(out.rglob("*.tmp")), "temporary files are left")

    def _start(self, out: Path) -> subprocess.Popen[str]:
        process = subprocess.Popen(
            [sys.executable, str(self.script), str(out)],
            cwd=self.folder,
            env={**environment(), "HARNESS_CACHE": str(self.folder / "cache")},
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            start_new_session=True,
        )
        assert process.stdout
        process.stdout.readline()  # from here on it listens; before, Python itself is starting
        return process

    def _finish(self, out: Path) -> None:
        process = self._start(out)
        _, err = process.communicate(timeout=600)
        require(process.returncode == 0, f"a rerun failed: {err}")

    def _disturb(self, way: str, process: subprocess.Popen[str], out: Path) -> None:
        if way != "full disk":
            self._wait(process, out)
        group = descendants(process.pid)
        if way == "read-only folder":
            subprocess.run(["mount", "-o", "remount,ro", str(out)], check=False, stderr=subprocess.DEVNULL)
        elif way.endswith("of a worker"):
            if workers := [pid for pid in group if leads(pid)]:
                with suppress(ProcessLookupError):
                    os.kill(self.draw.choice(workers), signal.Signals[way.partition(" ")[0]])
        elif way != "full disk":
            began = time.monotonic()
            for number in way.split(", "):
                with suppress(ProcessLookupError):
                    os.killpg(process.pid, signal.Signals[number])
                time.sleep(self.draw.uniform(0, 0.1))
            _, err = process.communicate(timeout=60)
            self.seconds[way].append(time.monotonic() - began)
            if way != "SIGKILL":
                require(process.returncode in (0, 128 + signal.Signals[way.partition(",")[0]]), f"its end: {err}")
                require("Traceback" not in err, err)
        _, err = process.communicate(timeout=600)
        require("Traceback" not in err, err)
        end = time.monotonic() + WITHIN_S
        while any(map(alive, group)):
            require(time.monotonic() < end, "a process outlives the run")
            time.sleep(0.01)

    def _wait(self, process: subprocess.Popen[str], out: Path) -> None:
        """Until a random moment of the start, or until a random number of results is stored."""
        if self.draw.random() < WHILE_IT_STARTS:
            time.sleep(self.draw.uniform(0, self.starts_s))
            return
        number = self.draw.randrange(CELLS)
        while process.poll() is None and len(list(out.glob("results/*/*.json"))) < number:
            time.sleep(0.005)


WAYS = (
    "SIGKILL",
    "SIGTERM",
    "SIGINT",
    "SIGINT, SIGINT",
    "SIGKILL of a worker",
    "SIGTERM of a worker",
    "full disk",
    "read-only folder",
)


def require(held: bool, what: str) -> None:
    if not held:
        raise LostError(what)


def results(folder: Path) -> Files:
    """All that is stored, by the name of the file; what cannot be read is an error."""
    return {path.name: json.loads(path.read_text()) for path in sorted((folder / "results").glob("*/*.json"))}


def exact(cell: dict[str, Any]) -> dict[str, Any]:
    """A result without times and what they depend on."""
    return {key: value for key, value in cell.items() if key not in ("created", "seconds", "during")}


def leads(pid: int) -> bool:
    """Whether a process leads a group, as workers do."""
    try:
        return os.getpgid(pid) == pid
    except ProcessLookupError:
        return False


def descendants(pid: int) -> list[int]:
    """All that a process has started, and what those have."""
    found = []
    with suppress(OSError):
        for child in map(int, Path(f"/proc/{pid}/task/{pid}/children").read_text().split()):
            found += [child, *descendants(child)]
    return found


@contextmanager
def room(folder: Path, size: str) -> Iterator[Path]:
    """A folder that is a small disk of its own where that can be had, and empty in any case."""
    folder.mkdir()
    mounted = (
        may_mount()
        and not subprocess.run(
            ["mount", "-t", "tmpfs", "-o", f"size={size}", "tmpfs", str(folder)], check=False
        ).returncode
    )
    try:
        yield folder
    finally:
        if mounted:
            subprocess.run(["umount", "-l", str(folder)], check=True)
        shutil.rmtree(folder)


def may_mount() -> bool:
    """Whether small disks can be made here: it takes root, and not every container lets it."""
    if os.geteuid() or not shutil.which("mount"):
        return False
    with tempfile.TemporaryDirectory() as folder:
        if subprocess.run(["mount", "-t", "tmpfs", "tmpfs", folder], check=False, capture_output=True).returncode:
            return False
        subprocess.run(["umount", folder], check=True)
    return True


def main() -> None:
    """Run a campaign, and say what came of it; a run that loses something ends it with a traceback."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--kills", type=int, default=200)
    parser.add_argument("--seed", type=int, default=0)
    arguments = parser.parse_args()
    signal.signal(signal.SIGINT, signal.default_int_handler)  # a shell's background jobs, and theirs, would ignore it
    ways = [way for way in WAYS if may_mount() or way not in ("full disk", "read-only folder")]
    with tempfile.TemporaryDirectory() as folder:
        campaign = Campaign(Path(folder), random.Random(arguments.seed))
        for number in range(arguments.kills):
            way = ways[number % len(ways)]
            try:
                campaign.run(way)
            except LostError as lost:
                raise LostError(f"kill {number}, {way}: {lost}") from lost
            print(
                f"{number + 1} of {arguments.kills}, {way}: {campaign.stored[way][-1]} of {CELLS} stored, then all",
                flush=True,
            )
    for way, count in Counter(ways[number % len(ways)] for number in range(arguments.kills)).items():
        slowest = f", ended in at most {max(campaign.seconds[way]):.2f} s" if way in campaign.seconds else ""
        stored = campaign.stored[way]
        print(f"{way}: {count} runs, {min(stored)} to {max(stored)} of {CELLS} results stored at their end{slowest}")
    print(f"{arguments.kills} runs ended, nothing lost")


if __name__ == "__main__":
    main()
