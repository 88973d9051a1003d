"""`harness plan`: what a run would measure, and `harness metrics`: what there is to measure."""

from __future__ import annotations

import inspect
from collections.abc import Sequence
from datetime import timedelta
from pathlib import Path
from typing import Any

import typer

from harness.cli.output import Json, binary, print_json, print_table
from harness.cli.report import Out
from harness.cli.run import Checkpoint, Metrics, Names, ProfileOf, ShardOf, planned_cells
from harness.experiments import experiments
from harness.metrics import metrics as registered
from harness.runner.estimates import TABLE, Estimates
from harness.runner.plan import PlannedCell


def plan(
    names: Names = None,
    metric: Metrics = "",
    checkpoint: Checkpoint = None,
    profile: ProfileOf = "quick",
    out: Out = Path("reports"),
    shard: ShardOf = None,
    json: Json = False,
) -> None:
    """Tell what a run with the same arguments would measure: its cells, what is stored, time and memory. It measures
    nothing.
    """
    cells, broken = planned_cells(names, metric, checkpoint, profile, shard)
    print_plan(cells, out, profile, json)
    for error in broken:
        typer.echo(str(error), err=True)
    if broken:
        raise typer.Exit(2)


def print_plan(cells: Sequence[PlannedCell], out: Path, profile: str, json: bool) -> None:
    """The cells of a run with their estimates."""
    estimates = Estimates(out, profile)
    rows = [_row(cell, estimates, out) for cell in cells]
    if json:
        print_json(rows)
        return
    print_table(
        f"Cells of a run in {out}",
        ["spec", "metric", "stored", "estimate from", "time", "memory"],
        [
            (
                row["spec"],
                row["metric"],
                "yes" if row["stored"] else "no",
                row["estimate_from"],
                _time(row["seconds"]),
                "unknown" if row["memory_bytes"] is None else binary(row["memory_bytes"]),
            )
            for row in rows
        ],
        left=4,
    )
    missing = [row for row in rows if not row["stored"]]
    known = [row["seconds"] for row in missing if row["seconds"] is not None]
    unknown = f", and {len(missing) - len(known)} of unknown time" if len(known) < len(missing) else ""
    stored = len(cells) - len(missing)
    print(f"{len(cells)} cells, {stored} stored; to measure: some {_time(sum(known))} of one core{unknown}")


def _row(cell: PlannedCell, estimates: Estimates, out: Path) -> dict[str, Any]:
    estimate = estimates.of(cell)
    return {
        "spec": cell.subject,
        "metric": cell.metric,
        "settings": cell.settings,
        "stored": cell.is_stored(out),
        "seconds": estimate.seconds,
        "memory_bytes": estimate.memory_bytes,
        "estimate_from": estimate.source,
        "file": str(cell.path(out)),
    }


def list_metrics(json: Json = False) -> None:
    """List what `--metrics` may name: metrics of specs and experiments on this machine, and how long each takes."""
    rows = [
        _described(name, registry[name], kind)
        for kind, registry in (("metric", registered), ("experiment", experiments))
        for name in registry.names()
    ]
    if json:
        print_json(rows)
        return
    print_table(
        "Metrics and experiments",
        ["name", "of", "how", "measures", "in", "a cell, quick", "full"],
        [
            (
                *(row[key] for key in ("name", "of", "how", "measures", "unit")),
                _time(row["quick_seconds"]),
                _time(row["full_seconds"]),
            )
            for row in rows
        ],
        left=5,
    )


def _described(name: str, measured: type[Any], kind: str) -> dict[str, Any]:
    exact = kind == "metric" and measured.exact
    usual = TABLE.get(name)
    return {
        "name": name,
        "of": "specs" if kind == "metric" else "this machine",
        "how": "exact" if exact else "timed" if measured.timed else "trained or run",
        "measures": " ".join((inspect.getdoc(measured) or "").partition("\n\n")[0].split()),
        "unit": usual.unit if usual else "unknown",
        "on_request": getattr(measured, "on_request", False),
        "quick_seconds": usual.quick_s if usual else None,
        "full_seconds": usual.full_s if usual else None,
    }


def _time(seconds: float | None) -> str:
    if seconds is None:
        return "unknown"
    return f"{seconds:.1f} s" if seconds < 10 else str(timedelta(seconds=round(seconds)))
