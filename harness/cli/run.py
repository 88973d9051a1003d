"""`harness run`: measure specs and store the results."""

from __future__ import annotations

import sys
from collections import Counter
from contextlib import closing
from functools import partial
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer

from harness.cells import Cell, read_cell
from harness.checkpoints import given
from harness.cli import completion
from harness.cli.output import Json, console, print_json, print_table
from harness.cli.report import Out
from harness.ending import Ended
from harness.errors import HarnessError, did_you_mean
from harness.experiments import experiments
from harness.metrics import metrics, usual_metrics
from harness.runner.estimates import Estimates
from harness.runner.limits import GIB
from harness.runner.plan import PlannedCell, plan, plan_experiments, sharded
from harness.spec.model import Spec

if TYPE_CHECKING:
    from harness.cli.bars import Bars
    from harness.cli.lines import Lines
    from harness.runner.execute import LimitsOf

NEEDED = ("torch", "fvcore", "lm_eval")
"""Without one of these, results would be stored as failed."""
EXACT = "exact"
"""Stands for all metrics that count and give the same on every machine."""


Names = Annotated[
    list[str] | None,
    typer.Argument(help="Names, globs or paths, as for show; none for all.", autocompletion=completion.specs),
]
Metrics = Annotated[
    str,
    typer.Option(
        "--metrics",
        help="Metrics and experiments, separated by commas (`harness metrics` lists them); exact for all that count. "
        "Left out, all metrics but those on request, and where no spec is named all experiments too.",
    ),
]
Checkpoint = Annotated[
    Path | None, typer.Option(help="A checkpoint to measure instead of specs: a folder, or a file in GGUF.")
]
Profile = Literal["quick", "full"]
ProfileOf = Annotated[Profile, typer.Option(help="How much is measured.")]
ShardOf = Annotated[
    str | None, typer.Option(help="i/N: only every N-th cell from the i-th on, for one of N machines; see merge.")
]


def run(
    names: Names = None,
    metric: Metrics = "",
    checkpoint: Checkpoint = None,
    profile: ProfileOf = "quick",
    out: Out = Path("reports"),
    processes: Annotated[int | None, typer.Option(min=1, help="Side by side; left out, one a core.")] = None,
    shard: ShardOf = None,
    time_limit: Annotated[
        float | None, typer.Option(min=1, help="Seconds that a cell may take; left out, many times its estimate.")
    ] = None,
    memory_limit: Annotated[
        float | None, typer.Option(min=0.01, help="GiB that a cell may take; left out, what the machine has.")
    ] = None,
    retry_failed: Annotated[bool, typer.Option("--retry-failed", help="Measure only what failed before.")] = False,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Tell what would be measured, as `harness plan`.")] = False,
    json: Json = False,
) -> None:
    """Measure specs and run experiments, check every exact figure by a second and a third way, and store the results.

    What is stored already is not measured again, so an interrupted run goes on where it was. A cell that crashes,
    hangs or takes more than it may is stored as failed, with the reason. A spec with mistakes is told and left out; the
    others are measured. Where training takes long, the quick profile trains a few specs of the library, and every spec
    that is named or given by its path.
    """
    for package in NEEDED:
        if find_spec(package) is None:
            raise ModuleNotFoundError(name=package)
    cells, broken = planned_cells(names, metric, checkpoint, profile, shard)
    if retry_failed:
        cells = [cell for cell in cells if cell.has_failed(out)]
    if dry_run:
        from harness.cli.plan import print_plan

        print_plan(cells, out, profile, json)
        return
    stored = {cell for cell in cells if cell.is_stored(out)}
    limits = partial(
        Estimates(out, profile).limits,
        seconds=time_limit,
        memory_bytes=None if memory_limit is None else int(memory_limit * GIB),
    )
    results = {cell: read_cell(cell.path(out)) for cell in stored} | _measure(cells, stored, out, processes, limits)
    rows = [_row(cell, results[cell], cell in stored, out) for cell in cells]
    if json:
        print_json(rows)
    else:
        _summarise(rows, out)
    failed = [row for row in rows if row["status"] == "failed"]
    for row in failed:
        print(row["reason"], file=sys.stderr)
    for error in broken:
        print(error, file=sys.stderr)
    if broken or failed:
        raise typer.Exit(2 if broken else 1)


def planned_cells(
    names: list[str] | None, metric: str, checkpoint: Path | None, profile: Profile, shard: str | None
) -> tuple[list[PlannedCell], list[HarnessError]]:
    """The cells that the arguments of a run ask for, and what is wrong with specs that are left out."""
    of_specs, of_machine = _metrics(metric, bool(names or checkpoint))
    specs, broken = _specs(names or [], checkpoint) if of_specs else ({}, [])
    named = {spec.name for name, spec in specs.items() if checkpoint or name in (names or [])}
    cells = plan(specs.values(), of_specs, profile, bool((names or checkpoint) and metric), named)
    if specs and not cells:
        lacking = "; ".join(f"{name} needs {metrics[name].needs}" for name in of_specs)
        raise HarnessError(f"nothing to measure of {', '.join(spec.name for spec in specs.values())}: {lacking}")
    cells += plan_experiments(of_machine, profile)
    return cells if shard is None else sharded(cells, shard), broken


def _metrics(listed: str, specs_named: bool) -> tuple[list[str], list[str]]:
    """Names of metrics and of experiments."""
    names = list(dict.fromkeys(name.strip() for name in listed.split(",") if name.strip()))
    if not names:
        return usual_metrics(), [] if specs_named else experiments.names()
    known = [*metrics.names(), *experiments.names(), EXACT]
    for name in names:
        if name not in known:
            raise HarnessError(f"unknown metric {name!r}; {did_you_mean(name, known)}")
    if "icl" in names and specs_named:  # in-context learning of trained models and, where there are any, of weights
        names.append("icl_weights")
    exact = [name for name in usual_metrics() if metrics[name].exact] if EXACT in names else []
    of_specs = dict.fromkeys([*exact, *(name for name in names if name in metrics.names())])
    return list(of_specs), [name for name in names if name in experiments.names()]


def _specs(names: list[str], checkpoint: Path | None) -> tuple[dict[str, Spec], list[HarnessError]]:
    """Specs by what they are found under: as they were named, or the names that a glob stands for."""
    if checkpoint is None:
        return _load(given.find(names))
    if names:
        raise HarnessError("name specs or give a checkpoint, not both: a checkpoint brings its own spec")
    from harness.checkpoints.load import checkpoint_spec

    return {str(checkpoint): checkpoint_spec(checkpoint)}, []


def _load(names: list[str]) -> tuple[dict[str, Spec], list[HarnessError]]:
    specs: dict[str, Spec] = {}
    broken: list[HarnessError] = []
    for name in names:
        try:
            specs[name] = given.load(name)
        except HarnessError as error:
            broken.append(error)
    twice = [name for name, count in Counter(spec.name for spec in specs.values()).items() if count > 1]
    if twice:
        raise HarnessError(f"two of the specs are called {twice[0]!r}; results are stored by name, so rename one")
    return specs, broken


def _measure(
    cells: list[PlannedCell], stored: set[PlannedCell], out: Path, processes: int | None, limits: LimitsOf
) -> dict[PlannedCell, Cell]:
    """Measure what is not stored, and show how far it is on the standard error."""
    from harness.runner.execute import execute

    missing = [cell for cell in cells if cell not in stored]
    if not missing:
        return {}
    results = {}
    try:
        with (
            _display(len(stored), len(cells)) as display,
            closing(execute(missing, out, processes, display, limits)) as measured,
        ):
            for planned, cell in measured:
                results[planned] = cell
                display.done(planned, cell)
    except Ended as ended:
        done = len(stored) + len(results)
        message = (
            f"interrupted: {done} of {len(cells)} results are stored in {out}; the same command goes on from there"
        )
        raise Ended(ended.number, message) from None
    return results


def _display(done: int, total: int) -> Bars | Lines:
    """Bars on a terminal that can move them, else plain lines."""
    from harness.cli.bars import Bars
    from harness.cli.lines import Lines

    moving = sys.stderr.isatty() and not console(stderr=True).is_dumb_terminal
    return Bars(done, total) if moving else Lines(done, total)


def _row(planned: PlannedCell, cell: Cell, stored: bool, out: Path) -> dict[str, Any]:
    return {
        "spec": planned.subject,
        "metric": planned.metric,
        "status": cell.status,
        "reason": cell.reason,
        "stored_before": stored,
        "file": str(planned.path(out)),
    }


def _summarise(rows: list[dict[str, Any]], out: Path) -> None:
    table: dict[str, Counter[str]] = {}
    for row in rows:
        counts = table.setdefault(row["metric"], Counter())
        counts[row["status"]] += 1
        counts["before"] += row["stored_before"]
    print_table(
        f"Results in {out}",
        ["metric", "done", "failed", "stored before"],
        [(metric, counts["ok"], counts["failed"], counts["before"]) for metric, counts in table.items()],
    )
