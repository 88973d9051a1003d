"""The exact figures as Markdown, to be committed: no times, versions or machines, so only architectures change it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from itertools import groupby

from harness.report.frames import COMPONENTS, PHASES, Model, problems_frame
from harness.report.notes import judged
from harness.report.tables import claims_table
from harness.report.verdicts import CONTRADICTED, PARTLY, VERDICTS
from harness.report.wording import exact
from harness.tables import plain_markdown

HEADER = """\
# Exact figures

Written by `harness report` from the results of `harness run`; not edited by hand. Every figure is a closed form that
was held against a count of the built model, to the last digit.

- Parameters in scalars; shared matrices count once. *Non-embedding* leaves out the tables of tokens and positions, and
  the head.
- FLOPs are 2 x multiply-adds of matrix products, of one whole step of one sequence at n, the longest length that the
  model is made for. *Full* counts all n^2 query-key pairs, as a dense kernel with a mask computes; *causal* only those
  that the pattern leaves visible, of a prefix pattern with an empty context. Decode is the n-th token alone. Training
  is forward and backward, the latter 2 x forward.
- The KV cache is the fp16 payload of one sequence; banded layers keep their band.
"""
STEPS = [(phase, pairs) for phase in PHASES for pairs in ("full", "causal")]
AT_LENGTH = [
    "model",
    "n",
    "bytes a token",
    "from the start",
    "at n",
    "visible pairs, all layers",
    "dense pairs",
]


def markdown(models: Sequence[Model]) -> str:
    """The whole file: size, FLOPs, cache and pairs, published figures, claims of the notes, and what is missing."""
    parts = [
        HEADER,
        "## Size\n",
        _by_family(models, ["model", "parameters", "active", "non-embedding", *COMPONENTS], _size),
        "## FLOPs of one step at the longest sequence\n",
        _by_family(models, ["model", "n", *(f"{phase}, {pairs}" for phase, pairs in STEPS)], _flops),
        "## KV cache and attention at the longest sequence\n",
        _by_family(models, AT_LENGTH, _cache),
        "## Published figures\n",
        _claims(models),
        "## Claims of the notes\n",
        _notes(models),
        "## Failed or missing\n",
        _problems(models),
    ]
    return "\n".join(parts)


def _by_family(models: Sequence[Model], heads: list[str], row: Callable[[Model], list[str]]) -> str:
    """A table a family."""
    return "\n".join(
        f"### {plain_markdown(family)}\n\n{_table(heads, [[model.name, *row(model)] for model in group])}"
        for family, group in groupby(models, key=lambda model: model.family)
    )


def _size(model: Model) -> list[str]:
    values = model.values("params")
    if values is None:
        return _missing(model, "params", 3 + len(COMPONENTS))
    wholes = [values[whole] for whole in ("total", "active", "non_embedding")]
    return [exact(size) for size in (*wholes, *(values["breakdown"][part] for part in COMPONENTS))]


def _flops(model: Model) -> list[str]:
    steps = model.steps()
    length = exact(model.max_length)
    if not steps:
        return [length, *_missing(model, "flops", len(STEPS))]
    return [length, *(exact(steps[phase][pairs]) for phase, pairs in STEPS)]


def _cache(model: Model) -> list[str]:
    cells = [exact(model.max_length)]
    cache = model.values("kv_cache")
    if cache is None:
        cells += _missing(model, "kv_cache", 3)
    else:
        sizes = {point["seq_len"]: point["bytes"] for point in cache["points"]}
        cells += [exact(cache[figure]["fp16"]) for figure in ("bytes_per_token", "constant_bytes")]
        cells.append(_at(sizes, model.max_length))
    pairs = model.values("attention_pairs")
    if pairs is None:
        return cells + _missing(model, "attention_pairs", 2)
    for kind in ("pairs", "dense"):
        cells.append(_at({point["seq_len"]: point[kind] for point in pairs["points"]}, model.max_length))
    return cells


def _at(points: dict[int, int], seq_len: int) -> str:
    return exact(points[seq_len]) if seq_len in points else "n/a (not computed at this length)"


def _missing(model: Model, metric: str, cells: int) -> list[str]:
    return [f"n/a ({model.why(metric)})"] + ["n/a"] * (cells - 1)


def _claims(models: Sequence[Model]) -> str:
    rows = [
        [claim.name, "agrees" if claim.agrees else Markdown("**differs**"), claim.metric, claim.published,
         claim.computed, claim.relative, _source(claim.source, claim.url), claim.at]
        for claim in claims_table(models)
    ]  # fmt: skip
    heads = ["model", "verdict", "figure", "published", "computed", "difference", "source", "at"]
    return _table(heads, rows, numbers=range(3, 6)) if rows else "No spec states a published figure.\n"


def _notes(models: Sequence[Model]) -> str:
    """How many of the claims that need no measurement of time or training hold, and those that do not."""
    exactly = [each for each in judged([], models) if each.claim.check.exact]
    counts = Counter(each.verdict for each in exactly)
    told = ", ".join(f"{counts[verdict]} {verdict}" for verdict in VERDICTS if counts[verdict])
    rows = [
        [each.claim.id, each.verdict, each.claim.says, ", ".join(each.claim.about), each.evidence]
        for verdict in (CONTRADICTED, PARTLY)
        for each in exactly
        if each.verdict == verdict
    ]
    heads = ["claim", "verdict", "said", "specs", "evidence"]
    table = _table(heads, rows, numbers=range(0)) if rows else ""
    return f"Of the {len(exactly)} that specs, counts and small built models decide: {told}.\n\n{table}"


class Markdown(str):
    """Text that is Markdown already, and inert; all other text of a cell is made so."""


def _source(title: str, url: str) -> str:
    # An address may hold what would end a link, or a cell, in Markdown.
    return Markdown(f"[{plain_markdown(title)}](<{url}>)") if url and not set(url) & set("<>|\n") else title


def _problems(models: Sequence[Model]) -> str:
    rows = [[row["name"], row["metric"], row["reason"]] for row in problems_frame(models).to_dict("records")]
    return _table(["model", "result", "reason"], rows, numbers=range(0)) if rows else "Nothing.\n"


def _table(heads: list[str], rows: list[list[str]], numbers: range | None = None) -> str:
    """A Markdown table; the columns in `numbers`, by default all but the first, are set to the right."""
    right = numbers if numbers is not None else range(1, len(heads))
    rule = ["---:" if column in right else "---" for column in range(len(heads))]
    lines = [heads, rule, *([_cell(text) for text in row] for row in rows)]
    return "".join(f"| {' | '.join(line)} |\n" for line in lines)


def _cell(text: str) -> str:
    return text if isinstance(text, Markdown) else plain_markdown(text)
