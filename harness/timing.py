"""The one way in which this program times things: candidates in turns, in several fresh processes of one thread.

Times of two candidates are compared within a round, in which each runs once in random order, so that a machine that
slows down slows both. A ratio is the median over the rounds of a process; its interval comes from the spread between
processes, since what a process was given (addresses, page sizes) stays with it. One candidate runs twice in every
round, as itself and as its own control: the interval of that ratio is the noise of the run.
"""

from __future__ import annotations

import math
import multiprocessing
import os
import random
import signal
import statistics
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict
from importlib.metadata import version
from multiprocessing.connection import Connection
from typing import TYPE_CHECKING, Any

from harness.errors import HarnessError
from harness.intervals import Interval, geometric
from harness.progress import tell

if TYPE_CHECKING:
    from collections.abc import Iterator

Samples = dict[str, list[float]]
"""Seconds a call, by candidate; the i-th of each belong to one round."""

Clock = Callable[[Callable[[], object], int], float]
"""Runs a call so many times; gives the seconds that all took."""

ENVIRONMENT = {
    "OMP_NUM_THREADS": "1",
    "MKL_NUM_THREADS": "1",
    # Fresh large buffers cost page faults, up to 14 times the work: glibc is to keep and reuse what was freed.
    "MALLOC_MMAP_THRESHOLD_": str(1 << 32),
    "MALLOC_TRIM_THRESHOLD_": str(1 << 34),
    "MALLOC_TOP_PAD_": str(1 << 26),
}
"""What a measuring process is started with; stored with every result."""

ATTENTION_KERNELS = ("flash", "cudnn", "mem_efficient", "math")
"""What torch calls its kernels for scaled dot products on a CUDA device."""


def ratio(runs: Sequence[Samples], of: str, to: str) -> Interval:
    """How many times the time of one candidate the other takes.

    Args:
        runs: samples of each process.
        of: the candidate whose time is divided.
        to: the candidate by whose time it is divided.
    """
    return geometric([statistics.median(a / b for a, b in zip(run[of], run[to], strict=True)) for run in runs])


def noise(runs: Sequence[Samples], candidate: str) -> Interval:
    """The ratio of a candidate to itself: what differs by no more than this may not differ at all. It contains 1."""
    found = ratio(runs, control(candidate), candidate)
    return Interval(min(found.low, 1.0), found.mid, max(found.high, 1.0))


def verdict(found: Interval, band: Interval) -> str:
    """`faster`, `slower`, or `no significant difference` where the interval meets 1 or the noise."""
    if found.overlaps(band) or found.low <= 1 <= found.high:
        return "no significant difference"
    return "slower" if found.low > 1 else "faster"


def compared(runs: Sequence[Samples], of: str, to: str, *, controlled: str = "", anchor: str = "") -> dict[str, Any]:
    """A ratio with its interval, the noise, and the verdict; ready for JSON.

    Args:
        runs: samples of each process.
        of: the candidate whose time is divided.
        to: the candidate by whose time it is divided.
        controlled: the candidate whose control tells the noise; left out, `to`.
        anchor: a candidate that no change of this program makes faster or slower. The ratio to it is what two versions
            of the program are compared by; left out, it is `to`.
    """
    found, band = ratio(runs, of, to), noise(runs, controlled or to)
    return {
        "ratio": asdict(found),
        "anchor": anchor or to,
        "anchored": asdict(ratio(runs, of, anchor or to)),
        "noise": [band.low, band.high],
        "verdict": verdict(found, band),
    }


def control(candidate: str) -> str:
    """The name under which a candidate runs a second time."""
    return f"{candidate} again"


def in_turns(
    candidates: Mapping[str, Callable[[], object]],
    controlled: str,
    rounds: int,
    block_s: float,
    seed: int,
    clock: Clock | None = None,
) -> Samples:
    """Time candidates round by round, each in a block of so many calls as take `block_s`.

    Args:
        candidates: what is called, by name.
        controlled: the candidate that also runs as its own control.
        rounds: how often each runs.
        block_s: the shortest block, in seconds; 0 for single calls.
        seed: of the order within the rounds.
        clock: what times a block; left out, that of the device.
    """
    clock = clock or (cuda_clock if device() == "cuda" else thread_clock)
    calls = {**candidates, control(controlled): candidates[controlled]}
    counts = {name: _calls_in(call, block_s, clock) for name, call in candidates.items()}
    counts[control(controlled)] = counts[controlled]
    shuffle = random.Random(seed)
    samples: Samples = {name: [] for name in calls}
    for _ in range(rounds):
        for name in shuffle.sample(list(calls), len(calls)):
            samples[name].append(clock(calls[name], counts[name]) / counts[name])
    return samples


def device() -> str:
    """Where candidates run: `cuda` where there is such a device, else `cpu`."""
    import torch

    return "cuda" if torch.cuda.is_available() else "cpu"


def device_name() -> str:
    """`cpu`, or what the GPU is called. A build of torch for CPUs alone is not asked: its import takes seconds."""
    if version("torch").endswith("+cpu") or device() == "cpu":
        return "cpu"
    import torch

    return torch.cuda.get_device_name()


def thread_clock(call: Callable[[], object], count: int) -> float:
    """By the processor time of this thread, which stands still while others have the processor."""
    started = time.thread_time()
    for _ in range(count):
        call()
    return time.thread_time() - started


def cuda_clock(call: Callable[[], object], count: int) -> float:
    """By events on the device's stream."""
    import torch

    start, end = (torch.cuda.Event(enable_timing=True) for _ in range(2))  # type: ignore[no-untyped-call]
    start.record()
    for _ in range(count):
        call()
    end.record()
    end.synchronize()
    return float(start.elapsed_time(end)) / 1000


def _calls_in(call: Callable[[], object], block_s: float, clock: Clock) -> int:
    """How many calls fill a block, after a first one that warms up."""
    call()
    if block_s == 0:
        return 1
    once = max(clock(call, 1), 1e-7)
    if once < block_s / 10:
        once = max(clock(call, 10) / 10, 1e-7)
    return max(1, math.ceil(block_s / once))


def in_fresh_processes(function: Callable[..., Any], settings: Mapping[str, Any], processes: int) -> list[Any]:
    """What a function gives in processes of their own, one after the other.

    Args:
        function: of a module, so that a process can find it; called with the settings and the number of the process,
            from 0, which seeds what is random.
        settings: the same for all.
        processes: how many.

    Raises:
        HarnessError: a process ended without a result.
    """
    context = multiprocessing.get_context("spawn")
    results: list[Any] = []
    for number in range(processes):
        tell("processes", number, processes)
        ours, theirs = context.Pipe()
        process = context.Process(target=_work, args=(theirs, function, dict(settings), number))
        with _measuring_environment():
            process.start()
        theirs.close()
        try:
            succeeded, result = ours.recv()
        except EOFError:
            raise HarnessError("a process that measured died, perhaps for want of memory") from None
        finally:
            if process.is_alive():
                process.join(1)
                process.terminate()
            process.join()
        if not succeeded:
            raise HarnessError(result)
        results.append(result)
    tell("processes", processes, processes)
    return results


def _work(parent: Connection, function: Callable[..., Any], settings: dict[str, Any], number: int) -> None:
    import torch

    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the parent ends this process, and tells of it
    torch.set_num_threads(1)
    try:
        parent.send((True, function(settings, number)))
    except Exception as error:
        parent.send((False, str(error) if isinstance(error, HarnessError) else f"{type(error).__name__}: {error}"))


def conditions() -> dict[str, Any]:
    """Under which samples are taken, to be stored with them."""
    import torch

    common = {"variables": ENVIRONMENT, "load_average": os.getloadavg()[0]}
    if device() == "cpu":
        return {"device": "cpu", "clock": "processor time of one thread", **common}
    kernels = [kind for kind in ATTENTION_KERNELS if getattr(torch.backends.cuda, f"{kind}_sdp_enabled")()]
    return {
        "device": torch.cuda.get_device_name(),
        "clock": "events of the device",
        "attention_kernels": kernels,  # those that torch chooses from
        **common,
    }


@contextmanager
def _measuring_environment() -> Iterator[None]:
    """The variables as a process that starts now is to find them."""
    before = {name: os.environ.get(name) for name in ENVIRONMENT}
    os.environ.update(ENVIRONMENT)
    try:
        yield
    finally:
        for name, value in before.items():
            if value is None:
                del os.environ[name]
            else:
                os.environ[name] = value
