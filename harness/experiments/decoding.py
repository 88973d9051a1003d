"""What a cached token costs: one step of attention over the context for each arrangement of the key-value heads."""

from __future__ import annotations

import itertools
import statistics
from collections.abc import Callable, Sequence
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from harness.choices.patterns import Pattern, patterns
from harness.experiments import Experiment, experiments
from harness.timing import (
    Samples,
    compared,
    conditions,
    device,
    device_name,
    geometric,
    in_fresh_processes,
    in_turns,
    ratio,
)

if TYPE_CHECKING:
    import torch

HEADS, CHANNELS, WINDOW = 8, 64, 256
ARRANGEMENTS: dict[str, tuple[int, str, bool]] = {
    "MHA": (HEADS, "dense", False),
    "GQA, 4 queries a key head": (HEADS // 4, "dense", False),
    "MQA": (1, "dense", False),
    "MHA, banded": (HEADS, "banded", False),
    "MHA, int8 cache": (HEADS, "dense", True),
    "GQA, int8 cache": (HEADS // 4, "dense", True),
    "MQA, int8 cache": (1, "dense", True),
}
"""Key-value heads, pattern, and whether the cache is quantised; MHA is what the others are compared with."""
STACK_BYTES, MOST_LAYERS = 1 << 28, 32
"""The caches of a stack together, which no cache of a processor holds, unless that takes more layers than these."""


def pattern_of(arrangement: str) -> Pattern:
    """Dense, or the last WINDOW keys."""
    kind = ARRANGEMENTS[arrangement][1]
    return patterns[kind](**({"window": WINDOW} if kind == "banded" else {}))


@experiments.register("decoding")
class Decoding(Experiment):
    """One token of each sequence: its key and value into the cache, and its query over all that the cache holds.

    The token goes again and again through one layer, whose cache the processor's own may hold, or through the layers
    of a stack in turn, as in a model.
    """

    version = 4

    def settings(self, profile: str) -> list[dict[str, Any]]:
        """One sequence over 512 to 16384 tokens, and there through a stack; in the full profile more of each."""
        common = {
            "heads": HEADS,
            "channels": CHANNELS,
            "window": WINDOW,
            # Processors without products of 16 bits take 50 times as long for them as for those of 32.
            "dtype": "float32" if device_name() == "cpu" else "bfloat16",
            "processes": 5,
            "rounds": 6,
            # So many calls that the first, which brings the cache back to the processor, hardly counts: ratios of
            # blocks of 30 ms lie within the intervals of these.
            "block_s": 0.012,
            "batch_size": 1,
            "stack_bytes": 0,
        }
        quick = profile == "quick"
        one = {**common, "seq_lens": [512 << power for power in range(6 if quick else 8)]}
        stack = {
            **common,
            "stack_bytes": STACK_BYTES,
            "rounds": 9,
            "block_s": 0.003,
            "seq_lens": [16384] if quick else [4096, 16384, 65536],
        }
        eight = {**common, "batch_size": 8, "seq_lens": [512 << power for power in range(5)]}
        return [one, stack] if quick else [one, stack, eight]

    def measure(self, settings: dict[str, Any]) -> dict[str, Any]:
        """Ratios to MHA, tokens a second, the share of the bandwidth of reading, and bytes of the caches."""
        runs = in_fresh_processes(sample, settings, settings["processes"])
        held = {n: case["bytes"] for n, case in runs[0].items()}
        return {
            "conditions": conditions(),
            "exact": {"cache_bytes": held},
            "rows": [
                row
                for n in settings["seq_lens"]
                for row in _rows(n, settings, [run[str(n)]["samples"] for run in runs], held[str(n)])
            ],
            "samples": [{n: case["samples"] for n, case in run.items()} for run in runs],
        }


def _reading(name: str) -> str:
    """The candidate that adds up as many bytes as the cache of an arrangement has."""
    return f"read as much as {name}"


def _layers(settings: dict[str, Any], cache_bytes: int) -> int:
    """How many layers the token goes through in turn."""
    wanted: int = settings["stack_bytes"] // cache_bytes
    return max(1, min(MOST_LAYERS, wanted))


def _rows(n: int, settings: dict[str, Any], runs: Sequence[Samples], held: dict[str, int]) -> list[dict[str, Any]]:
    rows, batch_size = [], settings["batch_size"]
    for name, (kv_heads, _, _) in ARRANGEMENTS.items():
        reading = _reading(name)
        to = reading if name == "MHA" else "MHA"
        row: dict[str, Any] = {"name": f"{name} to {to}, {n}", "seq_len": n, "arrangement": name}
        row |= {"kv_heads": kv_heads, "cache_bytes": held[name], "to": to}
        row["layers"] = _layers(settings, held[name])
        row |= compared(runs, name, to, controlled="MHA", anchor=reading)
        row["tokens_per_s"] = asdict(geometric([batch_size / statistics.median(run[name]) for run in runs]))
        row["share_of_reading"] = asdict(ratio(runs, reading, name))
        rows.append(row)
    return rows


def sample(settings: dict[str, Any], number: int) -> dict[str, Any]:
    """Samples of this process by length, and the bytes of the caches."""
    import torch

    torch.set_grad_enabled(False)
    found = {}
    for n in settings["seq_lens"]:
        steps, held = {}, {}
        for name in ARRANGEMENTS:
            shape = n, settings["batch_size"], getattr(torch, settings["dtype"])
            first, held[name] = step_of(name, *shape)
            layers = range(_layers(settings, held[name]))
            steps[name] = _in_turn([first, *(step_of(name, *shape)[0] for _ in layers[1:])])
            steps[_reading(name)] = _in_turn([torch.ones(held[name] // 4, device=device()).sum for _ in layers])
        samples = in_turns(steps, "MHA", settings["rounds"], settings["block_s"], number)
        found[str(n)] = {"samples": samples, "bytes": held}
    return found


def _in_turn(calls: Sequence[Callable[[], object]]) -> Callable[[], object]:
    """One call of the next."""
    following = itertools.cycle(calls)

    def call() -> object:
        return next(following)()

    return call


def step_of(name: str, n: int, batch_size: int, dtype: torch.dtype) -> tuple[Callable[[], object], int]:
    """The n-th token, again and again in the same place; and the bytes of the cache."""
    import torch

    from harness.modules.kernels.attend import attend
    from harness.modules.kernels.view import View
    from harness.modules.key_values import key_values
    from harness.modules.states import Room

    kv_heads, _, quantised = ARRANGEMENTS[name]
    pattern = pattern_of(name)
    state = key_values(Room(capacity=n, quantised=quantised), pattern, ((kv_heads, CHANNELS), (kv_heads, CHANNELS)))
    before = torch.randn(batch_size, 1, kv_heads, CHANNELS, dtype=dtype, device=device()).expand(-1, n - 1, -1, -1)
    q = torch.randn(batch_size, 1, HEADS, CHANNELS, dtype=dtype, device=device())
    k, v = (torch.randn(batch_size, 1, kv_heads, CHANNELS, dtype=dtype, device=device()) for _ in range(2))
    state.extend(before, before)
    state.extend(k, v)
    held, place = state.nbytes, torch.tensor([n - 1], device=device())
    everywhere = torch.arange(n, device=device())

    def step() -> object:
        if not pattern.forgets:  # a band moves on, and holds as much; elsewhere the last token is written anew
            state.length = n - 1
        keys, values, columns = state.extend(k, v)
        seen = everywhere if columns is None else columns.to(device())
        return attend(pattern, q, keys, values, View(place, seen))

    return step, held
