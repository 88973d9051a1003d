"""The program `harness`: collects the commands, and turns errors into lines for people and exit codes for scripts."""

from __future__ import annotations

import os
import sys

import typer

from harness.cli.check import check
from harness.cli.compare import compare
from harness.cli.diff import diff
from harness.cli.import_ import import_config
from harness.cli.list import list_specs
from harness.cli.merge import merge
from harness.cli.plan import list_metrics, plan
from harness.cli.report import report
from harness.cli.run import run
from harness.cli.schema import schema
from harness.cli.show import show
from harness.cli.show_machine import show_machine
from harness.errors import CountMismatchError, HarnessError

app = typer.Typer(
    help="What an architectural choice in a language model costs and buys.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)
app.command("list")(list_specs)
app.command("import")(import_config)
app.command("show-machine")(show_machine)
app.command("metrics")(list_metrics)
for command in (show, check, diff, plan, run, merge, report, compare, schema):
    app.command()(command)

EXIT_DISAGREEMENT, EXIT_BAD_INPUT = 1, 2


def main() -> None:
    """Run the command line. Exit codes: 0 done, 1 figures disagree, 2 bad input; see `harness.ending` for others."""
    try:
        _run()
    except CountMismatchError as error:
        _leave(str(error), EXIT_DISAGREEMENT)
    except HarnessError as error:
        _leave(str(error), EXIT_BAD_INPUT)


def _run() -> None:
    """Run a command. A reader that left early, as `head` does, is found out by flushing, and is no error to tell."""
    try:
        try:
            app()
        finally:
            sys.stdout.flush()
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())  # else Python complains when it ends
        sys.exit(1)


def _leave(message: str, code: int) -> None:
    print(message, file=sys.stderr)
    sys.exit(code)
