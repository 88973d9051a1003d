"""The program `harness`: finds the command, and turns errors into lines for people and exit codes for scripts."""

from __future__ import annotations

import importlib
import os
import sys
import warnings
from collections.abc import Iterator, Mapping
from typing import Annotated, Any, TextIO

import typer
from typer.core import TyperCommand, TyperGroup

from harness import __version__
from harness.errors import CountMismatchError, HarnessError, UnreadableResultWarning

COMMANDS = {
    "list": "list:list_specs",
    "show": "show:show",
    "diff": "diff:diff",
    "check": "check:check",
    "new": "new:new",
    "import": "import_:import_config",
    "metrics": "plan:list_metrics",
    "plan": "plan:plan",
    "run": "run:run",
    "merge": "merge:merge",
    "report": "report:report",
    "compare": "compare:compare",
    "schema": "schema:schema",
    "show-machine": "show_machine:show_machine",
}
"""Name of a command -> its module in this package, and its function there."""


class Commands(Mapping[str, TyperCommand]):
    """Commands by name. Only what is looked up is imported: `list` must not wait for what measures."""

    def __getitem__(self, name: str) -> TyperCommand:
        module, function = COMMANDS[name].split(":")
        alone = typer.Typer(add_completion=False, pretty_exceptions_enable=False)
        alone.command(name)(getattr(importlib.import_module(f"harness.cli.{module}"), function))
        found = typer.main.get_command(alone)
        assert isinstance(found, TyperCommand)
        return found

    def __iter__(self) -> Iterator[str]:
        return iter(COMMANDS)

    def __len__(self) -> int:
        return len(COMMANDS)


class _Group(TyperGroup):
    """The program as a group of these commands."""

    def __init__(self, **settings: Any) -> None:
        super().__init__(**settings)
        self.commands = Commands()  # type: ignore[assignment]  # it is only read


app = typer.Typer(
    cls=_Group,
    help="What an architectural choice in a language model costs and buys.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
)


def _tell_version(asked: bool) -> None:
    if asked:
        print(f"harness {__version__}")
        raise typer.Exit


@app.callback()
def _group(
    version: Annotated[  # told by the callback, before a command is asked for
        bool, typer.Option("--version", callback=_tell_version, is_eager=True, help="Print the version, and end.")
    ] = False,
) -> None:
    """A group, although no command is registered with it."""


EXIT_DISAGREEMENT, EXIT_BAD_INPUT = 1, 2

EXTRAS = "pages need the extra `report`, measuring and weights the extra `run`: pip install -e '.[report,run]'"


def main() -> None:
    """Run the command line. Exit codes: 0 done, 1 figures disagree, 2 bad input; see `harness.ending` for others."""
    warnings.showwarning = _show_warning
    try:
        _run()
    except CountMismatchError as error:
        _leave(str(error), EXIT_DISAGREEMENT)
    except HarnessError as error:
        _leave(str(error), EXIT_BAD_INPUT)
    except ModuleNotFoundError as error:
        if not error.name or error.name.startswith("harness"):
            raise
        _leave(f"{error.name} is not installed; {EXTRAS}", EXIT_BAD_INPUT)


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


_usual_showwarning = warnings.showwarning


def _show_warning(
    message: Warning | str,
    category: type[Warning],
    filename: str,
    lineno: int,
    file: TextIO | None = None,
    line: str | None = None,
) -> None:
    """Tell of a file that was left out in a line; of anything else as Python does."""
    if issubclass(category, UnreadableResultWarning):
        print(f"left out: {message}", file=sys.stderr)
    else:
        _usual_showwarning(message, category, filename, lineno, file, line)


def _leave(message: str, code: int) -> None:
    print(message, file=sys.stderr)
    sys.exit(code)
