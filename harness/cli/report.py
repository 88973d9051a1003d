"""`harness report`: pages and tables from stored results."""

from __future__ import annotations

import sys
import webbrowser
from pathlib import Path
from typing import Annotated, Literal

import typer

from harness.cli import completion
from harness.cli.output import print_data, print_table
from harness.errors import HarnessError

Out = Annotated[Path, typer.Option(help="Folder of the run: results are stored in and read from it.")]


def report(
    names: Annotated[
        list[str] | None,
        typer.Argument(
            help="Names or globs of specs with results, or paths of spec files; none for all.",
            autocompletion=completion.specs,
        ),
    ] = None,
    out: Out = Path("reports"),
    baseline: Annotated[
        str | None,
        typer.Option(help="The spec that others are compared with at first.", autocompletion=completion.specs),
    ] = None,
    form: Annotated[
        Literal["html", "markdown", "table", "csv", "md", "latex", "json"],
        typer.Option(
            "--format",
            help="html writes index.html and exact.md; markdown prints a summary for CI of less than 1 MB; the others "
            "print the table of models.",
        ),
    ] = "html",
    open_: Annotated[bool, typer.Option("--open", help="Show the page in a browser.")] = False,
) -> None:
    """Write index.html and exact.md from the results that are stored, or print them in another form.

    Where specs are named, the page is of these and the baseline, and exact.md, which has all, stays as it is.
    """
    from harness.experiments import experiments
    from harness.metrics import metrics
    from harness.report import chosen_models, current_results, write_report

    versions = {name: registry[name].version for registry in (metrics, experiments) for name in registry.names()}
    chosen = [_called(name) for name in names or []]
    baseline = baseline and _called(baseline)
    if open_ and form != "html":
        raise HarnessError(f"--open: there is no page to show with --format {form}")
    if form == "html":
        paths, left_out = write_report(out, baseline, versions, chosen)
        for path in paths:
            print(path)
        if open_ and not webbrowser.open(paths[0].resolve().as_uri()):
            print(f"no browser was found; open {paths[0]} in one", file=sys.stderr)
    else:
        from harness.report.summary import models_table, records, summary

        _, models, left_out = current_results(out, versions)
        if chosen:
            models = chosen_models(models, [*chosen, *filter(None, [baseline])])
        if form == "markdown":
            sys.stdout.write(summary(models))
        elif not print_data(rows := records(models), form, rows):
            table = models_table(models)
            print_table(table.title, table.columns, table.rows, left=table.left, form=form)
    if left_out:
        print(f"{left_out} results of older versions are left out; `harness run` measures them anew", file=sys.stderr)


def _called(name: str) -> str:
    """The name under which the results of what is named are stored."""
    from harness.checkpoints import given

    return given.load(name).name if name.endswith((".yaml", ".yml")) else name
