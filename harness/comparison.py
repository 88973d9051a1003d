"""Two runs held against each other: what is exact must be equal, what is timed must not have become slower."""

from __future__ import annotations

import json
import math
from collections.abc import Collection, Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ValidationError

from harness.cells import Cell, EnvironmentRecord, read_cells
from harness.errors import HarnessError
from harness.intervals import Interval

VOLATILE = ("core_seconds", "seconds")
"""Parts of a result that no test of equality is made of: how long a training or an evaluation took."""


@dataclass(frozen=True)
class Difference:
    """One finding.

    Attributes:
        subject: the spec, or what stands for the machine.
        what: the metric or experiment, and of a timing which row.
        base: the figure of the base, as text.
        head: that of the head.
        fails: whether the gate closes on it.
        why: what the finding is.
    """

    subject: str
    what: str
    base: str
    head: str
    fails: bool
    why: str


class Benchmark(BaseModel):
    """A benchmark; beside its own times it has a comparison, or has none."""

    extra_info: dict[str, Any]


class BenchmarkFile(BaseModel):
    """What pytest-benchmark wrote, so far as it is read here."""

    datetime: str
    benchmarks: list[Benchmark]


class Comparison(BaseModel):
    """A comparison as `tests/bench` keeps it: what `harness.timing.compared` gives, with a name and the machine."""

    comparison: str
    anchor: str
    anchored: Interval
    noise: tuple[float, float]
    conditions: dict[str, Any]
    environment: EnvironmentRecord


def read_run(path: Path) -> list[Cell]:
    """Results of a run: those stored in its folder, or the comparisons in its file of benchmarks.

    Args:
        path: a folder, as of `harness run --out`, or a file, as of `pytest tests/bench --benchmark-json`.

    Raises:
        HarnessError: something there cannot be read.
    """
    if not path.is_file():
        return read_cells(path)
    try:
        stored = BenchmarkFile.model_validate_json(path.read_bytes())
        found = [each.extra_info for each in stored.benchmarks if "comparison" in each.extra_info]
        return [_as_cell(Comparison.model_validate(each), stored.datetime) for each in found]
    except OSError as error:
        raise HarnessError(f"{path}: cannot be read: {error.strerror}") from None
    except ValidationError as error:
        first = error.errors()[0]
        place = ".".join(map(str, first["loc"])) or "the file"
        raise HarnessError(f"{path}: not a file of benchmarks: {place}: {first['msg']}") from None


def _as_cell(found: Comparison, created: str) -> Cell:
    """One row of a timing, as an experiment stores it."""
    row = {"name": found.comparison, "anchor": found.anchor, "anchored": asdict(found.anchored), "noise": found.noise}
    return Cell(
        spec=None,
        metric="benchmarks",
        version=1,
        settings={"comparison": found.comparison},
        environment=found.environment,
        status="ok",
        values={"conditions": found.conditions, "rows": [row], "samples": []},
        created=created,
        seconds=0.0,
    )


def differences(base: Sequence[Cell], head: Sequence[Cell], threshold: float) -> list[Difference]:
    """All that differs between two runs, failures first.

    Only results of the same subject, metric, version and settings are compared. What is exact must be equal. A timing
    is compared through its ratio to what no change of this program makes faster or slower, so that a candidate does not
    seem slower because the one beside it became faster. It fails if it is slower by more than the threshold over its
    whole interval, and by more than the noise that either run saw; and where another machine timed it.

    Args:
        base: results of what was.
        head: results of what is to be.
        threshold: how much slower a timing may become: 1.1 for a tenth.
    """
    before, after = ({_key(cell): cell for cell in cells} for cells in (base, head))
    otherwise = {_kind(cell) for key, cell in after.items() if key not in before}
    found = [_missing(cell, otherwise) for key, cell in before.items() if key not in after]
    for key, cell in after.items():
        if key in before:
            found += _between(before[key], cell, threshold)
    return sorted(found, key=lambda each: (not each.fails, each.subject, each.what))


def compared_count(base: Sequence[Cell], head: Sequence[Cell]) -> int:
    """How many results the two runs have in common."""
    return len({_key(cell) for cell in base} & {_key(cell) for cell in head})


def _key(cell: Cell) -> tuple[str, str, int, str]:
    """What two results must have in common to be compared; whether one machine timed them is asked of each pair."""
    settings = {name: value for name, value in cell.settings.items() if name != "device"}
    return cell.subject, cell.metric, cell.version, json.dumps(settings, sort_keys=True)


def _kind(cell: Cell) -> tuple[str, str, *tuple[object, ...]]:
    """What tells the results of one experiment apart when settings such as lengths or specs have changed."""
    named = ("implementation", "dtype", "models", "batch_size", "against", "comparison")
    return cell.subject, cell.metric, *(cell.settings.get(name) for name in named)


def _missing(cell: Cell, otherwise: Collection[tuple[object, ...]]) -> Difference:
    """A result that only the base has. It may be there with another version or other settings: that is no loss."""
    subject, metric, *named = _kind(cell)
    what = ": ".join(filter(None, [metric, ", ".join(str(each) for each in named if each is not None)]))
    if _kind(cell) in otherwise:
        why = "the head has it with another version or other settings: not compared"
        return Difference(subject, what, "there", "otherwise", False, why)
    return Difference(subject, what, "there", "missing", True, "no such result")


def _between(base: Cell, head: Cell, threshold: float) -> Iterator[Difference]:
    if base.status != head.status:
        why = head.reason or "the base failed"
        yield Difference(base.subject, base.metric, base.status, head.status, head.status != "ok", why)
    elif base.spec and head.spec and base.spec.hash != head.spec.hash:
        yield Difference(base.subject, base.metric, base.spec.hash, head.spec.hash, True, "another architecture")
    else:
        timed = "samples" in base.values
        old, new = (cell.values.get("exact", {}) if timed else cell.values for cell in (base, head))
        why = f"not equal{_other_kernels(base, head)}"
        for path, (was, becomes) in _changed(old, new).items():
            yield Difference(base.subject, f"{base.metric}: {path}", str(was), str(becomes), True, why)
        if timed:
            yield from _timings(base, head, threshold)


def _other_kernels(base: Cell, head: Cell) -> str:
    """What to add where the two were computed by different rows of `harness.tuning`."""
    kernels = [cell.environment["hardware"].get("kernels", "unknown") for cell in (base, head)]
    return "" if kernels[0] == kernels[1] else f"; computed by other kernels: {' and '.join(kernels)}"


def _changed(old: Any, new: Any, path: str = "") -> dict[str, tuple[Any, Any]]:
    """Leaves that differ, by their path."""
    if isinstance(old, dict) and isinstance(new, dict):
        keys = [key for key in dict.fromkeys((*old, *new)) if key not in VOLATILE]
        return {
            at: pair
            for key in keys
            for at, pair in _changed(old.get(key), new.get(key), f"{path}.{key}".lstrip(".")).items()
        }
    if isinstance(old, list) and isinstance(new, list) and len(old) == len(new):
        return {
            at: pair
            for index, (a, b) in enumerate(zip(old, new, strict=True))
            for at, pair in _changed(a, b, f"{path}[{index}]").items()
        }
    return {} if old == new else {path: (old, new)}


def _timings(base: Cell, head: Cell, threshold: float) -> Iterator[Difference]:
    one, other = _machine(base), _machine(head)
    if one != other:
        yield Difference(head.subject, head.metric, one, other, True, "timed on another machine: not compared")
        return
    before, after = dict(_rows(base)), dict(_rows(head))
    for name in before.keys() - after.keys():
        yield Difference(head.subject, f"{head.metric}: {name}", "there", "missing", True, "no longer timed")
    for name in before.keys() & after.keys():
        old, new = (Interval(**rows[name]["anchored"]) for rows in (before, after))
        slower = quotient(new, old)
        band = max(*before[name]["noise"], *after[name]["noise"])
        fails = slower.low > max(threshold, band)
        if fails or slower.low > 1 or slower.high < 1:
            verdict = "slower" if slower.low > 1 else "faster"
            why = f"{verdict}: x {slower.mid:.3g} ({slower.low:.3g} to {slower.high:.3g}), noise up to {band:.3g}"
            why += _other_kernels(base, head)
            what = f"{head.metric}: {name}, against {after[name]['anchor']}"
            yield Difference(head.subject, what, f"{old.mid:.4g}", f"{new.mid:.4g}", fails, why)


def _machine(cell: Cell) -> str:
    """What must be the same for times to be comparable."""
    hardware = cell.environment["hardware"]
    return f"{hardware['processor']}, {hardware['cores']} cores, {cell.values['conditions']['device']}"


def _rows(cell: Cell) -> Iterator[tuple[str, dict[str, Any]]]:
    return ((row["name"], row) for row in cell.values["rows"] if "anchored" in row)


def quotient(new: Interval, old: Interval) -> Interval:
    """The quotient of two independent ratios: on the logarithmic scale half widths add up as squares."""
    mid = math.log(new.mid / old.mid)
    half = math.hypot(*(math.log(each.high / each.mid) for each in (new, old)))
    return Interval(math.exp(mid - half), math.exp(mid), math.exp(mid + half))


def as_rows(found: Sequence[Difference]) -> list[dict[str, Any]]:
    """Ready for JSON."""
    return [asdict(each) for each in found]
