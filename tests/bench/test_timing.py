"""The way of timing itself, on this machine: does it see what is not there, does it miss what is?

`HARNESS_RUNS=50 pytest tests/bench/test_timing.py` is the full check; left out, it is five runs.
"""

from __future__ import annotations

import os

from pytest_benchmark.fixture import BenchmarkFixture

from harness.timing import Samples, compared, in_fresh_processes, in_turns

RUNS = int(os.environ.get("HARNESS_RUNS", "5"))
PROCESSES, ROUNDS, BLOCK_S = 5, 7, 0.003
TOKENS, WIDTH = 256, 768


def sample(settings: dict[str, int], number: int) -> dict[str, Samples]:
    """A norm and its copy, and two norms."""
    import torch

    from harness.experiments.norms import norms_of

    seed = settings["run"] * PROCESSES + number
    norms, others = (norms_of("textbook", TOKENS, WIDTH, "forward", torch.float32) for _ in range(2))
    same = {"one": norms["textbook layer"], "copy": others["textbook layer"]}
    unlike = {"rms": norms["textbook rms"], "layer": norms["textbook layer"]}
    return {
        "same": in_turns(same, "one", ROUNDS, BLOCK_S, seed),
        "unlike": in_turns(unlike, "layer", ROUNDS, BLOCK_S, seed),
    }


def whole_runs() -> list[list[dict[str, Samples]]]:
    """For each run, the samples of its processes, which no two runs share."""
    return [in_fresh_processes(sample, {"run": run}, PROCESSES) for run in range(RUNS)]


def test_a_copy_raises_no_alarm_and_rmsnorm_is_told_from_layernorm(benchmark: BenchmarkFixture) -> None:
    runs = benchmark.pedantic(whole_runs, rounds=1)  # type: ignore[no-untyped-call]
    same = [[each["same"] for each in run] for run in runs]
    unlike = [[each["unlike"] for each in run] for run in runs]
    alarms = [found for found in (compared(run, "copy", "one") for run in same) if found["verdict"][:2] != "no"]
    missed = [found for found in (compared(run, "rms", "layer") for run in unlike) if found["verdict"] != "faster"]
    benchmark.extra_info.update(
        runs=len(runs), false_alarms=len(alarms), detected=len(runs) - len(missed), alarms=alarms, missed=missed
    )
    assert (len(alarms), len(missed)) == (0, 0)
