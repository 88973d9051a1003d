"""What can go wrong because of input. The command line shows these without a traceback and exits with code 2."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from difflib import get_close_matches


class HarnessError(Exception):
    """A mistake in the input, told so that its author can mend it."""


class CountMismatchError(HarnessError):
    """Two ways to count the same thing disagree, or a counter met an operator that it does not know."""


class UnreadableResultWarning(UserWarning):
    """A file among the results is none, and was left out."""


@dataclass(frozen=True, order=True)
class Problem:
    """One mistake in one file. `line` and `column` count from 1; 0 means that the file as a whole is meant."""

    file: str
    line: int
    column: int
    message: str

    def __str__(self) -> str:
        position = f":{self.line}:{self.column}" if self.line else ""
        return f"{self.file}{position}: {self.message}"


class SpecError(HarnessError):
    """All the mistakes that were found in a spec, in the order of the file."""

    def __init__(self, problems: Iterable[Problem]) -> None:
        self.problems = sorted(set(problems))
        super().__init__("\n".join(map(str, self.problems)))


def nearest(name: str, allowed: Sequence[str]) -> str:
    """Ask for the allowed name that is most like `name`; empty where none is."""
    matches = get_close_matches(str(name), allowed, n=1, cutoff=0.5)
    return f"did you mean {matches[0]!r}?" if matches else ""


def did_you_mean(name: str, allowed: Sequence[str]) -> str:
    """Say which names are allowed, and which of them is nearest to `name`.

    >>> did_you_mean("swigul", ["gelu", "swiglu"])
    "allowed: gelu, swiglu; did you mean 'swiglu'?"
    """
    return "; ".join(filter(None, [f"allowed: {', '.join(allowed) or 'none'}", nearest(name, allowed)]))
