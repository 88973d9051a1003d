"""What a cached token costs: one step of attention over the context for each arrangement of the key-value heads."""

from __future__ import annotations

import statistics
from collections.abc import Callable, Sequence
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from harness.choices.patterns import Pattern, patterns
from harness.experiments import Experiment, experiments
from harness.timing import Samples, compared, conditions, device, geometric, in_fresh_processes, in_turns

if TYPE_CHECKING:
    import torch

HEADS, CHANNELS, WINDOW = 8, 64, 256
ARRANGEMENTS: dict[str, tuple[int, str, bool]] = {
    "MHA": (HEADS, "dense", False),
    "GQA, 4 queries a key head": (HEADS // 4, "dense", False),
    "MQA": (1, "dense", False),
    "MHA, banded": (HEADS, "banded", False),
    "MHA, int8 cache": (HEADS, "dense", True),
}
"""Key-value heads, pattern, and whether the cache is quantised; MHA is what the others are compared with."""


def pattern_of(arrangement: str) -> Pattern:
    """Dense, or the last WINDOW keys."""
    kind = ARRANGEMENTS[arrangement][1]
    return patterns[kind](**({"window": WINDOW} if kind == "banded" else {}))


@experiments.register("decoding")
class Decoding(Experiment):
    """One token of one sequence: its key and value into the cache, and its query over all that the cache holds."""

    version = 1

    def settings(self, profile: str) -> list[dict[str, Any]]:
        """Contexts from 512 to 16384 tokens, and to 65536 in the full profile."""
        lengths = [512 << power for power in range(6 if profile == "quick" else 8)]
        return [
            {
                "heads": HEADS,
                "channels": CHANNELS,
                "window": WINDOW,
                "dtype": "float32",
                "seq_lens": lengths,
                "processes": 5,
                "rounds": 9,
                "block_s": 0.003,
            }
        ]

    def measure(self, settings: dict[str, Any]) -> dict[str, Any]:
        """Ratios to MHA, tokens a second, the share of the bandwidth of reading, and bytes of the caches."""
        runs = in_fresh_processes(sample, settings, settings["processes"])
        rows = [
            row
            for n in settings["seq_lens"]
            for row in _rows(n, [run[str(n)]["samples"] for run in runs], runs[0][str(n)]["bytes"])
        ]
        return {
            "conditions": conditions(),
            "rows": rows,
            "samples": [{n: case["samples"] for n, case in run.items()} for run in runs],
        }


def _rows(n: int, runs: Sequence[Samples], held: dict[str, int]) -> list[dict[str, Any]]:
    rows = []
    for name, (kv_heads, _, _) in ARRANGEMENTS.items():
        medians = [statistics.median(run[name]) for run in runs]
        reading = [statistics.median(run["read"]) for run in runs]
        to = "read" if name == "MHA" else "MHA"
        row: dict[str, Any] = {"name": f"{name} to {to}, {n}", "seq_len": n, "arrangement": name}
        row |= {"kv_heads": kv_heads, "cache_bytes": held[name], "to": to, **compared(runs, name, to, "MHA")}
        row["tokens_per_s"] = asdict(geometric([1 / median for median in medians]))
        share = [held[name] / held["MHA"] * read / median for read, median in zip(reading, medians, strict=True)]
        row["share_of_reading"] = asdict(geometric(share))
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
            steps[name], held[name] = _step(name, n, getattr(torch, settings["dtype"]))
        # Reading is to add up as many bytes as MHA's keys and values have.
        steps["read"] = torch.ones(held["MHA"] // 4, device=device()).sum
        samples = in_turns(steps, "MHA", settings["rounds"], settings["block_s"], number)
        found[str(n)] = {"samples": samples, "bytes": held}
    return found


def _step(name: str, n: int, dtype: torch.dtype) -> tuple[Callable[[], object], int]:
    """The n-th token, again and again in the same place; and the bytes of the cache."""
    import torch

    from harness.modules import computed_by
    from harness.modules.cache import KVCache
    from harness.modules.patterns import View

    kv_heads, _, quantised = ARRANGEMENTS[name]
    pattern = pattern_of(name)
    attend = computed_by(pattern)
    cache = KVCache([pattern], capacity=n, quantised=quantised)
    (layer,) = cache.layers
    before = torch.randn(1, n - 1, kv_heads, CHANNELS, dtype=dtype, device=device())
    q = torch.randn(1, 1, HEADS, CHANNELS, dtype=dtype, device=device())
    k, v = (torch.randn(1, 1, kv_heads, CHANNELS, dtype=dtype, device=device()) for _ in range(2))
    layer.extend(before, before, 0)
    layer.extend(k, v, n - 1)
    held, place = cache.nbytes, torch.tensor([n - 1], device=device())
    everywhere = torch.arange(n, device=device())
    next_column = n - 1

    def step() -> object:
        nonlocal next_column
        if pattern.forgets:  # the band moves on, and holds as much
            next_column += 1
        keys, values, columns = layer.extend(k, v, next_column)
        seen = everywhere if columns is None else columns
        return attend(pattern, q, keys, values, View(place, seen))

    return step, held
