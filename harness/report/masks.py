"""Drawings of the patterns that models have: which keys each query sees, computed from the pattern itself."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from pydantic import ValidationError

from harness.choices.base import Dims, Scaling
from harness.choices.patterns import Pattern, patterns
from harness.report.architecture import by_block, described
from harness.report.frames import Model

TOKENS = 32
"""Queries and keys of a drawing; windows, strides and blocks are drawn smaller, the largest as a few tokens."""
CONTEXT = 12
"""Leading tokens of a drawing that a prefix pattern reads in both directions."""


@dataclass(frozen=True)
class Mask:
    """One drawing.

    Attributes:
        pattern: the kind and its options, as the model has them.
        model: the title of the first model that has it.
        path: the visible pairs as an SVG path, in units of a pair: x is the key, y the query.
        visible: how many pairs there are.
    """

    pattern: str
    model: str
    path: str
    visible: int


def masks(models: Sequence[Model]) -> list[Mask]:
    """One drawing a kind of pattern, with the options of the first model that has it."""
    found: dict[str, Mask] = {}
    for model in models:
        dims = Dims(**model.record.architecture["dims"])
        for options in by_block(model.record.architecture, "pattern").values():
            if options["kind"] not in found and (pattern := _small(options, dims)):
                pairs = [(q, k) for q in range(TOKENS) for k in range(TOKENS) if pattern.visible(q, k, CONTEXT)]
                path = "".join(f"M{k} {q}h1v1h-1z" for q, k in pairs)
                found[options["kind"]] = Mask(described(options), model.record.title, path, len(pairs))
    return [found[kind] for kind in sorted(found)]


def _small(options: dict[str, Any], dims: Dims) -> Pattern | None:
    """The pattern for a sequence of `TOKENS`; None for one of another version of the program."""
    if options["kind"] not in patterns.names():
        return None
    given = {key: value for key, value in options.items() if key != "kind"}
    try:
        pattern = patterns[options["kind"]](**given)
    except ValidationError:
        return None
    longest = min([dims.max_seq_len, *(8 * size for size in given.values() if isinstance(size, int))])
    dims = dims.model_copy(update={"max_seq_len": longest})
    return pattern.scaled(Scaling(dims, dims.model_copy(update={"max_seq_len": TOKENS})))
