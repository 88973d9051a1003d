"""Stored results in one table, and in a page of Markdown that a CI job shows beside its log."""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction
from typing import Any

from harness.report.frames import SHOWN, Model, models_frame, problems_frame
from harness.report.tables import claims_table
from harness.report.wording import short, short_bytes, short_flops
from harness.tables import Table, headed_markdown

LIMIT = 1_000_000
"""Bytes of a summary: GitHub shows none of one that has more than a MiB."""
FIGURES = {
    "params": ("parameters", short),
    "active": ("active", short),
    "kv": ("cache a token", short_bytes),
    "state": ("state", short_bytes),
    "decode": ("FLOPs a token: decode", short_flops),
    "prefill": ("prefill", short_flops),
    "train": ("training", short_flops),
}
"""Figures of the table of models, and how it shows them; FLOPs are of causal pairs at each model's longest length."""


def records(models: Sequence[Model]) -> list[dict[str, Any]]:
    """A mapping a model with its choices and all digits of its figures, ready for JSON; None for what is missing."""
    rows = models_frame(models).reset_index().to_dict("records")
    return [{str(key): _plain(value) for key, value in row.items()} for row in rows]


def _plain(value: Any) -> Any:
    if isinstance(value, Fraction):
        return value.numerator if value.denominator == 1 else float(value)
    return value


def models_table(models: Sequence[Model]) -> Table:
    """What models are, and what they cost."""
    figures = FIGURES.items()
    words = ("name", "provenance", "attention", "norm", "residual", "position", "pattern")
    rows = [
        [*(row[key] for key in words), *("n/a" if row[key] is None else show(row[key]) for key, (_, show) in figures)]
        for row in models_frame(models).reset_index().to_dict("records")
    ]
    heads = ["model", "known by", "mixer", *words[3:], *(head for _, (head, _) in figures)]
    return Table("Models, each at its longest length", heads, rows, len(words))


def summary(models: Sequence[Model], limit: int = LIMIT) -> str:
    """How much is stored, what failed, which published figures differ, and the table of models, in `limit` bytes."""
    stored = sum(model.values(metric) is not None for model in models for metric in SHOWN)
    failed = problems_frame(models).to_dict("records")
    differ = [claim for claim in claims_table(models) if not claim.agrees]
    parts = [f"# harness\n\n{stored} of {len(models) * len(SHOWN)} results that count are stored.\n"]
    if failed:
        rows = [(row["name"], row["metric"], row["reason"]) for row in failed]
        parts.append(headed_markdown(Table("Failed or missing", ["model", "result", "reason"], rows, 3)))
    if differ:
        heads = ["model", "figure", "source", "published", "computed", "difference"]
        claims = [(c.name, c.metric, c.source, c.published, c.computed, c.relative) for c in differ]
        parts.append(headed_markdown(Table("Published figures that differ", heads, claims, 3)))
    parts.append(headed_markdown(models_table(models)))
    return cut("\n".join(parts), limit)


def cut(text: str, limit: int) -> str:
    r"""The lines of a text that a limit in bytes leaves room for, and how many those are that it does not.

    >>> print(cut("one\ntwo\n" * 20, 31), end="")
    one
    <BLANKLINE>
    39 lines are left out.
    """
    if len(text.encode()) <= limit:
        return text
    lines = text.splitlines()
    room = limit - len(f"\n{len(lines)} lines are left out.\n")
    kept = 0
    for line in lines:
        room -= len(line.encode()) + 1
        if room < 0:
            break
        kept += 1
    return "\n".join([*lines[:kept], "", f"{len(lines) - kept} lines are left out.", ""])
