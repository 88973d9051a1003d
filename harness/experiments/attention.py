"""How attention grows with the length under each pattern: visible pairs, time forward and in training, fitted laws.

Recurrences that do the same work between the same projections stand beside it.
"""

from __future__ import annotations

import math
import statistics
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from harness.choices.patterns import Pattern, patterns
from harness.errors import CountMismatchError
from harness.experiments import Experiment, against_flex, experiments
from harness.experiments.against_flex import FLEX
from harness.experiments.recurrences import QUICK, RECURRENCES, call_of
from harness.growth import exponent, exponents, fitted
from harness.intervals import Interval, geometric
from harness.timing import Samples, compared, conditions, device, device_name, in_fresh_processes, in_turns, ratio

if TYPE_CHECKING:
    from torch import Tensor

HEADS, CHANNELS = 8, 64
WINDOW, SUMMARY = 128, 1
PAIRS_AT = [256 << power for power in range(9)]
ON_DEVICE: dict[str, dict[str, Any]] = {
    "cpu": {"dtype": "float32", "matrix": 768},
    "cuda": {"dtype": "bfloat16", "matrix": 8192},  # the kernels of a GPU that keep no scores take 16 bits
}
"""Number format, and rows and columns of the matrices whose product stands for the peak of the machine."""


def pattern_at(kind: str, n: int) -> Pattern:
    """The pattern as it is used at a length: strides and blocks near the square root of n, as the paper has them."""
    root = 8 * max(1, round(math.sqrt(n) / 8))
    options = {
        "banded": {"window": WINDOW},
        "strided": {"stride": root},
        "fixed": {"block": root, "summary": SUMMARY},
    }
    return patterns[kind](**options.get(kind, {}))


PRODUCT = "matrix product"
"""Torch's own, by which its attention kernel multiplies; it does not change with this program."""
PEAK = "fastest matrix product"
"""What stands for the peak of the machine: on a processor torch's own need not reach it."""
KINDS = ("dense", "banded", "strided", "fixed", "log_sparse")
TIMED = (*KINDS, *RECURRENCES)
MIXED = {"dense, banded in turns": ("dense", "banded")}
"""Stacks of layers of two kinds, each in every other layer, as GPT-3 has them: cost is the mean of a layer."""


@experiments.register("attention")
class Attention(Experiment):
    """The attention of one layer, or a recurrence, 8 heads of 64 channels, one sequence, on q, k, v at hand."""

    version = 5

    def settings(self, profile: str) -> list[dict[str, Any]]:
        """Lengths from 256 on: to 4096, in training to 2048; or all to 65536, where dense attention ends sooner, and
        then flex_attention.
        """
        full = profile == "full"
        common = {"heads": HEADS, "channels": CHANNELS, "window": WINDOW, "summary": SUMMARY}
        common |= ON_DEVICE["cpu" if device_name() == "cpu" else "cuda"]
        # Two lengths an octave, so that there are enough to tell the laws apart.
        short = [length << power for power in range(4) for length in (256, 384)]
        own = {
            **common,
            "seq_lens": [*short, *(4096 << power for power in range(5 if full else 1))],
            "up_to": {"forward": 65536, "training": 65536 if full else 2048},
            # From there on a step of training takes a quarter of a minute.
            "dense_up_to": {"forward": 16384, "training": 8192} if full else {"forward": 4096, "training": 4096},
            "masks_up_to": 65536 if full else 4096,
            "passes": ["forward", "training"],
            # All of them take longer than all the rest.
            "recurrences": list(RECURRENCES if full else QUICK),
            "processes": 5,
            "rounds": 3,
            "block_s": 0.004,
        }
        # Compiling takes longer than all the rest.
        flex = {**common, "against": FLEX, "seq_lens": [4096], "processes": 5, "rounds": 5, "block_s": 0.004}
        return [own, flex] if full else [own]

    def measure(self, settings: dict[str, Any]) -> dict[str, Any]:
        """Ratios to dense, shares of the peak, laws and exponents of pairs and of times, and all samples."""
        if "against" in settings:
            (n,) = settings["seq_lens"]
            return against_flex.measure(settings, {kind: pattern_at(kind, n) for kind in KINDS if kind != "dense"})
        pairs = _counted_pairs(settings["masks_up_to"])
        runs = in_fresh_processes(sample, settings, settings["processes"])
        rows, laws = [], []
        for which in settings["passes"]:
            for n in _lengths(which, settings):
                rows += _rows(n, which, settings, [run[which][str(n)] for run in runs])
            laws += _laws(which, [_medians(run[which]) for run in runs])
        return {
            "conditions": conditions(),
            "exact": {"pairs": pairs},
            "rows": rows,
            "laws": _laws_of_pairs() + laws,
            "samples": runs,
        }


def _counted_pairs(masks_up_to: int) -> dict[str, dict[str, int]]:
    """Visible pairs by pattern and length, in closed form; up to a length their masks are added up too.

    Raises:
        CountMismatchError: the two differ.
    """
    from harness.counters import mask_sum

    pairs: dict[str, dict[str, int]] = {}
    for kind in KINDS:
        for n in PAIRS_AT:
            pattern = pattern_at(kind, n)
            formula = pattern.visible_pairs(n)
            if n <= masks_up_to and formula != (summed := mask_sum(pattern, n)):
                raise CountMismatchError(
                    f"{kind} shows {formula:,} pairs of {n} tokens by formula, {summed:,} in its mask"
                )
            pairs.setdefault(kind, {})[str(n)] = formula
    return pairs


def _rows(n: int, which: str, settings: Mapping[str, Any], runs: Sequence[Samples]) -> list[dict[str, Any]]:
    rows = []
    for kind in (kind for kind in TIMED if kind in runs[0]):
        to = PRODUCT if kind == "dense" else "dense"
        row: dict[str, Any] = {"name": f"{kind} to {to}, {n}, {which}", "seq_len": n, "pass": which, "pattern": kind}
        row |= _work(kind, n)
        row["seconds"] = asdict(geometric([statistics.median(run[kind]) for run in runs]))
        flops = (1 if which == "forward" else 3) * row["flops"]
        # FLOPs a second, of visible pairs or of a recurrence, of those of a matrix product.
        for share, of in (("share_of_product", PRODUCT), ("share_of_peak", PEAK)):
            row[share] = asdict(ratio(runs, of, kind).times(flops / (2 * settings["matrix"] ** 3)))
        if "dense" in runs[0]:
            row |= {"to": to, **compared(runs, kind, to, controlled="dense", anchor=PRODUCT)}
        rows.append(row)
    return rows


def _work(kind: str, n: int) -> dict[str, Any]:
    """Options, visible pairs, None where no query looks at keys one by one, and FLOPs forward."""
    if kind in RECURRENCES:
        recurrence = RECURRENCES[kind]
        return {"options": recurrence.options, "pairs": None, "flops": n * recurrence.flops(HEADS, CHANNELS)}
    pairs = pattern_at(kind, n).visible_pairs(n)
    return {"options": pattern_at(kind, n).model_dump(), "pairs": pairs, "flops": 4 * pairs * HEADS * CHANNELS}


Costs = Mapping[str, Mapping[int, float]]
"""Cost by pattern and length."""


def _medians(run: Mapping[str, Samples]) -> Costs:
    return {
        kind: {int(n): statistics.median(samples[kind]) for n, samples in run.items() if kind in samples}
        for kind in TIMED
        if any(kind in samples for samples in run.values())
    }


def _with_mixed(costs: Costs) -> dict[str, dict[int, float]]:
    mixed = {
        name: {n: statistics.fmean(costs[part][n] for part in parts) for n in costs[parts[0]]}
        for name, parts in MIXED.items()
    }
    return {**{kind: dict(of) for kind, of in costs.items()}, **mixed}


def _laws(which: str, processes: Sequence[Costs]) -> list[dict[str, Any]]:
    each = [_with_mixed(costs) for costs in processes]
    laws = []
    for kind in each[0]:
        lengths = list(each[0][kind])
        middle = {n: statistics.median(costs[kind][n] for costs in each) for n in lengths}
        interval = exponents([costs[kind] for costs in each])
        laws.append({"of": which, "pattern": kind, **asdict(fitted(middle)), "exponent": asdict(interval)})
    return laws


def _laws_of_pairs() -> list[dict[str, Any]]:
    pairs = {kind: {n: float(pattern_at(kind, n).visible_pairs(n)) for n in PAIRS_AT} for kind in KINDS}
    laws = []
    for kind, costs in _with_mixed(pairs).items():
        slope = exponent(costs)
        law = {
            "of": "pairs",
            "pattern": kind,
            **asdict(fitted(costs, counted=True)),
            "exponent": asdict(Interval(slope, slope, slope)),
        }
        laws.append({**law, "points": [{"seq_len": n, "pairs": int(count)} for n, count in costs.items()]})
    return laws


def sample(settings: dict[str, Any], number: int) -> dict[str, Any]:
    """Samples of this process by pass and length."""
    return {
        which: {str(n): _timed(n, which, settings, number) for n in _lengths(which, settings)}
        for which in settings["passes"]
    }


def _lengths(which: str, settings: Mapping[str, Any]) -> list[int]:
    return [n for n in settings["seq_lens"] if n <= settings["up_to"][which]]


def _timed(n: int, which: str, settings: dict[str, Any], number: int) -> Samples:
    kinds = KINDS if n <= settings["dense_up_to"][which] else KINDS[1:]
    calls = calls_of(kinds, n, which, settings["dtype"])
    calls |= {kind: call_of(kind, n, which, HEADS, CHANNELS) for kind in settings["recurrences"]}
    calls |= products(settings["matrix"], settings["dtype"])
    return in_turns(calls, kinds[0], settings["rounds"], settings["block_s"], number)


def calls_of(kinds: Iterable[str], n: int, which: str, dtype: str) -> dict[str, Callable[[], object]]:
    """A pass over n tokens, `forward` or `training`, for each kind of pattern, all on the same q, k and v."""
    import torch

    from harness.modules.kernels.attend import attend
    from harness.modules.kernels.view import View

    training = which == "training"
    shape = (1, n, HEADS, CHANNELS)
    q, k, v = (
        torch.randn(shape, dtype=getattr(torch, dtype), device=device(), requires_grad=training) for _ in range(3)
    )
    ahead = torch.randn_like(q)
    places = torch.arange(n, device=device())
    view = View(places, places, from_start=True)

    def call(kind: str) -> Callable[[], object]:
        pattern = pattern_at(kind, n)

        def out() -> Tensor:
            return attend(pattern, q, k, v, view)

        return (lambda: torch.autograd.grad(out(), (q, k, v), ahead)) if training else out

    return {kind: call(kind) for kind in kinds}


def products(size: int, dtype: str) -> dict[str, Callable[[], object]]:
    """Two square matrices, multiplied by torch's own way and by the fastest."""
    import torch

    from harness.modules.kernels.products import product

    matrix = torch.randn(size, size, dtype=getattr(torch, dtype), device=device())
    return {PRODUCT: lambda: matrix @ matrix, PEAK: torch.no_grad()(lambda: product(matrix, matrix))}
