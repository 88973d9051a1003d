"""A process that measures cells for a run. It may crash, hang or outgrow its limits, and the run goes on."""

from __future__ import annotations

import math
import multiprocessing
import os
import signal
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from multiprocessing import resource_tracker
from multiprocessing.connection import Connection

from harness.cells import Cell
from harness.progress import Listener, Progress, heard_by
from harness.runner.limits import Limits, gib, limit_memory, memory_of
from harness.runner.measure import failure, measure
from harness.runner.plan import PlannedCell

TOLD_EVERY_S = 0.2
LOOKED_EVERY_S = 1.0
"""How often the memory of a process is looked at."""
PATIENCE_S = 5
"""How long a process may take to end by itself once there is nothing more to do."""
ENDINGS = (signal.SIGINT, signal.SIGTERM)


@dataclass
class Task:
    """What a worker is at."""

    planned: PlannedCell
    limits: Limits
    began: float
    memory_bytes: int = 0
    looked: float = -math.inf


class Worker:
    """A process of one thread, in a group with all that it starts, and the run's end of the pipe to it."""

    def __init__(self) -> None:
        context = multiprocessing.get_context("spawn")
        self.pipe, theirs = context.Pipe()
        self.process = context.Process(target=_work, args=(theirs,))
        self.task: Task | None = None
        self.over = False
        with _endings_held():
            self.process.start()
        theirs.close()  # so that the pipe breaks when the process, its only holder, ends

    def begin(self, planned: PlannedCell, limits: Limits) -> None:
        """Let it measure a cell."""
        self.task = Task(planned, limits, time.monotonic())
        with suppress(OSError):  # a process that has died is told of when its result is asked for
            self.pipe.send((planned, limits))

    def received(self) -> Progress | Cell | None:
        """How far it is, its result or the reason why there will be none, or nothing yet."""
        assert self.task
        try:
            received: Progress | Cell | None = self.pipe.recv() if self.pipe.poll() else self._within_limits()
        except (EOFError, OSError):
            received = self._given_up(self._death())
        if isinstance(received, Cell):
            self._look()
            received = received.model_copy(
                update={"during": {**received.during, "memory_bytes": self.task.memory_bytes or None}}
            )
            self.task = None
        return received

    def dismiss(self) -> None:
        """Let it end by itself, so that it leaves nothing behind."""
        self.pipe.close()
        self.process.join(PATIENCE_S)
        self.end()

    def end(self) -> None:
        """End it, with all that it started."""
        assert self.process.pid
        if self.over:
            return
        with suppress(ProcessLookupError, PermissionError):  # it has ended, or has no group of its own yet
            os.killpg(self.process.pid, signal.SIGKILL)
        self.process.kill()
        self.process.join()
        self.pipe.close()
        self.over = True

    def _look(self) -> None:
        assert self.task
        self.task.looked = time.monotonic()
        self.task.memory_bytes = max(self.task.memory_bytes, memory_of(self.process.pid or 0))

    def _within_limits(self) -> Cell | None:
        assert self.task
        limits, now = self.task.limits, time.monotonic()
        if now - self.task.began > limits.seconds:
            return self._given_up(f"it took longer than its limit of {limits.seconds:g} s")
        if now - self.task.looked > LOOKED_EVERY_S:
            self._look()
            if self.task.memory_bytes > limits.memory_bytes:
                return self._given_up(f"it took {gib(self.task.memory_bytes)}, its limit is {gib(limits.memory_bytes)}")
        return None

    def _given_up(self, reason: str) -> Cell:
        assert self.task
        self.end()
        return failure(self.task.planned, reason, time.monotonic() - self.task.began)

    def _death(self) -> str:
        """Why the process is no more."""
        self.process.join(PATIENCE_S)
        code = self.process.exitcode
        if code is None or code >= 0:
            return f"its process ended, with exit code {code}"
        name = signal.Signals(-code).name
        return f"its process was ended by {name}{', perhaps for want of memory' if name == 'SIGKILL' else ''}"


def _work(parent: Connection) -> None:
    """Measure what the parent sends until there is nothing more, and end with it, however that ends."""
    os.setpgid(0, 0)
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # to tell of an interruption is left to the parent
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    signal.pthread_sigmask(signal.SIG_UNBLOCK, ENDINGS)
    on_one_thread()
    threading.Thread(target=_follow_parent, daemon=True).start()
    with suppress(EOFError, OSError):  # the parent has closed the pipe
        while True:
            planned, limits = parent.recv()
            limit_memory(limits)
            with heard_by(_now_and_then(parent.send)):
                result = measure(planned)
            parent.send(result)


def on_one_thread() -> None:
    """Cells share the cores, and more threads would add numbers up in another order."""
    os.environ["OMP_NUM_THREADS"] = "1"  # read when torch is imported, which is mostly later
    if "torch" in sys.modules:
        sys.modules["torch"].set_num_threads(1)


def _now_and_then(listener: Listener) -> Listener:
    """The listener, not bothered more than some times a second."""
    last = -math.inf

    def listening(progress: Progress) -> None:
        nonlocal last
        now = time.monotonic()
        if now - last >= TOLD_EVERY_S:
            last = now
            listener(progress)

    return listening


def _follow_parent() -> None:
    parent = multiprocessing.parent_process()
    if parent is not None:
        parent.join()
        os.killpg(0, signal.SIGKILL)


@contextmanager
def _endings_held() -> Iterator[None]:
    """Hold back what would end this process while another starts, which gets none before it is ready for it."""
    resource_tracker.ensure_running()  # starting it would let interruptions through again
    before = signal.pthread_sigmask(signal.SIG_BLOCK, ENDINGS)
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)
