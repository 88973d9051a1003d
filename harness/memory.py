"""The most memory that a call takes on top of what was there before, as torch's allocator counts it."""

from __future__ import annotations

import os
from collections.abc import Callable
from itertools import accumulate

from harness.timing import device


def peak_bytes(call: Callable[[], object]) -> int:
    """The most bytes held at once by what a call allocates, its result included.

    What only a first call sets up is to be set up before. Where candidates run on the CPU, every allocation and
    release of torch is recorded, so the figure is exact; what a mathematical library takes for itself is not seen. On
    a CUDA device it is the peak of the caching allocator.
    """
    return _on_cuda(call) if device() == "cuda" else _on_cpu(call)


def _on_cpu(call: Callable[[], object]) -> int:
    os.environ.setdefault("KINETO_LOG_LEVEL", "6")  # else the profiler tells of its start and stop on stderr
    from torch.autograd.profiler import profile

    with profile(profile_memory=True) as recorded:
        result = call()
    del result
    events = recorded.kineto_results.events()
    return max(accumulate(event.nbytes() for event in events if event.name() == "[memory]"), default=0)


def _on_cuda(call: Callable[[], object]) -> int:
    import torch

    torch.cuda.synchronize()
    torch.cuda.reset_peak_memory_stats()
    before = torch.cuda.memory_allocated()
    call()
    torch.cuda.synchronize()
    return torch.cuda.max_memory_allocated() - before
