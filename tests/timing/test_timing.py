"""The way of timing, by clocks that are made up: no test here depends on how fast a machine is."""

from __future__ import annotations

import os
import random
from collections.abc import Callable

import pytest

from harness.errors import HarnessError
from harness.intervals import Interval, geometric
from harness.timing import (
    ENVIRONMENT,
    Samples,
    compared,
    conditions,
    control,
    cuda_clock,
    in_fresh_processes,
    in_turns,
    noise,
    ratio,
    verdict,
)

ROUNDS, PROCESSES = 7, 5


def made_up(seed: int, slowness: float) -> list[Samples]:
    """Samples of a candidate `a` and of `b`, which takes `slowness` as long: each process has a speed of its own for
    each, each round one for both, and each call some."""
    draw = random.Random(seed)
    runs = []
    for _ in range(PROCESSES):
        places = {name: draw.lognormvariate(0, 0.02) for name in ("a", "b", control("a"))}
        rounds = [draw.lognormvariate(0, 0.3) for _ in range(ROUNDS)]
        of = {"a": 1.0, control("a"): 1.0, "b": slowness}
        runs.append(
            {
                name: [of[name] * place * each * draw.lognormvariate(0, 0.03) for each in rounds]
                for name, place in places.items()
            }
        )
    return runs


def test_what_does_not_differ_raises_no_alarm_in_50_runs() -> None:
    found = [compared(made_up(seed, 1.0), "b", "a")["verdict"] for seed in range(50)]
    assert found == ["no significant difference"] * 50


@pytest.mark.parametrize(("slowness", "word"), [(0.7, "faster"), (1.4, "slower")])
def test_what_differs_as_much_as_textbook_norms_is_found_in_50_of_50_runs(slowness: float, word: str) -> None:
    assert [compared(made_up(seed, slowness), "b", "a")["verdict"] for seed in range(50)] == [word] * 50


def test_the_interval_holds_the_truth_as_often_as_it_says() -> None:
    inside = 0
    for seed in range(1000):
        draw = random.Random(seed)
        found = geometric([draw.lognormvariate(0.5, 0.1) for _ in range(PROCESSES)])
        inside += found.low <= 2.718281828**0.5 <= found.high
    assert 980 <= inside <= 998


def test_a_ratio_is_taken_round_by_round() -> None:
    """A machine that is slow for half of the rounds makes no difference."""
    run = {"a": [1.0, 1.0, 9.0, 9.0, 9.0], "b": [2.0, 2.0, 18.0, 18.0, 18.0], control("a"): [1.0, 1.0, 9.0, 9.0, 9.0]}
    assert ratio([run, run], "b", "a") == Interval(2.0, 2.0, 2.0)
    assert noise([run, run], "a") == Interval(1.0, 1.0, 1.0)


def test_one_process_proves_nothing() -> None:
    found = geometric([2.0])
    assert (found.low, found.high) == (0.0, float("inf"))
    assert verdict(found, Interval(1.0, 1.0, 1.0)) == "no significant difference"


def test_what_lies_within_the_noise_is_no_difference() -> None:
    assert verdict(Interval(1.05, 1.06, 1.07), Interval(0.9, 1.0, 1.1)) == "no significant difference"
    assert verdict(Interval(1.12, 1.15, 1.2), Interval(0.9, 1.0, 1.1)) == "slower"


def test_every_round_calls_every_candidate_in_an_order_of_its_own() -> None:
    order: list[str] = []

    def clock(call: Callable[[], object], count: int) -> float:
        for _ in range(count):
            call()
        return 1.0 * count

    candidates = {name: (lambda name=name: order.append(name)) for name in "ab"}
    samples = in_turns(candidates, "a", ROUNDS, 0.5, seed=1, clock=clock)
    assert {name: len(found) for name, found in samples.items()} == dict.fromkeys(["a", "b", control("a")], ROUNDS)
    rounds = [tuple(order[-3 * (i + 1) : len(order) - 3 * i]) for i in range(ROUNDS)]
    assert all(sorted(each) == ["a", "a", "b"] for each in rounds)
    assert len(set(rounds)) > 1


def told(settings: dict[str, str], number: int) -> list[object]:
    import torch

    return [
        number,
        settings["word"],
        os.getpid(),
        torch.get_num_threads(),
        {key: os.environ[key] for key in ENVIRONMENT},
    ]


def refusing(settings: dict[str, str], number: int) -> None:
    raise HarnessError("not on this machine")


def dying(settings: dict[str, str], number: int) -> None:
    os._exit(9)


def test_processes_are_fresh_and_of_one_thread() -> None:
    before = dict(os.environ)
    first, second = in_fresh_processes(told, {"word": "x"}, 2)
    assert [first[0], second[0]] == [0, 1]
    assert len({os.getpid(), first[2], second[2]}) == 3
    assert first[1] == "x"
    assert first[3:] == [1, ENVIRONMENT]
    assert dict(os.environ) == before


@pytest.mark.parametrize(("function", "words"), [(refusing, "^not on this machine$"), (dying, "died")])
def test_a_process_that_fails_is_told(function: Callable[..., object], words: str) -> None:
    with pytest.raises(HarnessError, match=words):
        in_fresh_processes(function, {}, 1)


def test_a_gpu_is_named_with_the_kernels_of_attention_that_torch_may_take(monkeypatch: pytest.MonkeyPatch) -> None:
    import torch

    monkeypatch.setattr("harness.timing.device", lambda: "cuda")
    monkeypatch.setattr(torch.cuda, "get_device_name", lambda: "a GPU")
    monkeypatch.setattr(torch.backends.cuda, "cudnn_sdp_enabled", lambda: False)
    found = conditions()
    assert (found["device"], found["attention_kernels"]) == ("a GPU", ["flash", "mem_efficient", "math"])


def test_a_gpu_is_timed_between_two_events_on_its_stream(monkeypatch: pytest.MonkeyPatch) -> None:
    import torch

    queue: list[str] = []
    recorded: list[Event] = []

    class Event:
        def __init__(self, enable_timing: bool) -> None:
            assert enable_timing

        def record(self) -> None:
            queue.append("record")
            recorded.append(self)

        def synchronize(self) -> None:
            queue.append("wait")

        def elapsed_time(self, end: Event) -> float:
            assert recorded == [self, end]
            return 2.0  # milliseconds

    monkeypatch.setattr(torch.cuda, "Event", Event)
    assert cuda_clock(lambda: queue.append("call"), 3) == 0.002
    assert queue == ["record", "call", "call", "call", "record", "wait"]
