"""The claims of the notes against stored results: a verdict and the evidence for each, computed from what is stored."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from harness.cells import Cell
from harness.notes.claims import BUILT, FIGURES, Differ, Less, NotedClaim, noted_claims
from harness.published import figure_agrees
from harness.report.architecture import by_layer, mixers_called
from harness.report.frames import Model
from harness.report.measured_claims import asked
from harness.report.verdicts import (
    AS_FAR,
    CONTRADICTED,
    NOT_CHECKABLE,
    NOT_MEASURED,
    PARTLY,
    SUPPORTED,
    Finding,
)
from harness.report.wording import exact
from harness.spec.diff import architectures_differ


class NotStoredError(Exception):
    """A result that a claim is held against is not there; says how to have it."""


@dataclass(frozen=True)
class Judged:
    """A claim with its verdict."""

    claim: NotedClaim
    verdict: str
    evidence: str


def judged(cells: Sequence[Cell], models: Sequence[Model]) -> list[Judged]:
    """Every claim, in the order of the notes."""
    known = {model.name: model for model in models}
    found = []
    for claim in noted_claims():
        finding = finding_of(claim, cells, known)
        remarks = [finding.evidence, *_as_written(claim, cells, known, finding)]
        remarks += [f"not checked: {claim.rest}"] if claim.rest else []
        remarks += [f"from sources: {claim.source}"] if claim.source else []
        verdict = AS_FAR if claim.rest and finding.verdict == SUPPORTED else finding.verdict
        found.append(Judged(claim, verdict, "; ".join(remarks)))
    return found


def finding_of(claim: NotedClaim, cells: Sequence[Cell], models: dict[str, Model]) -> Finding:
    """What the check of a claim finds."""
    check = claim.check
    if check.not_checkable is not None:
        return Finding(NOT_CHECKABLE, check.not_checkable)
    if check.measured is not None:
        return asked(check.measured, cells, claim.about)
    try:
        if check.less is not None:
            return _less(claim.about, check.less, models)
        if check.differ is not None:
            return _differ(claim.about, check.differ, models)
        return _is(claim.about, check.is_ or {}, models)
    except NotStoredError as missing:
        return Finding(NOT_MEASURED, str(missing))


def _as_written(claim: NotedClaim, cells: Sequence[Cell], models: dict[str, Model], finding: Finding) -> list[str]:
    """That another spec is what the claim describes, if its own check says so."""
    if claim.as_written is None or finding.verdict != CONTRADICTED:
        return []
    other = finding_of(claim.model_copy(update={"about": [claim.as_written]}), cells, models)
    return [f"so it is in {claim.as_written}"] if other.verdict == SUPPORTED else []


def _is(about: Sequence[str], facts: dict[str, Any], models: dict[str, Model]) -> Finding:
    shares: list[float] = []
    parts = []
    for fact, value in facts.items():
        claimed = value if isinstance(value, list) else [value] * len(about)
        found = [facts_of(_model(name, models), fact) for name in about]
        hits = [[_agrees(fact, want, each) for each in have] for want, have in zip(claimed, found, strict=True)]
        shares += [sum(each) / len(each) for each in hits]
        parts.append(_told(fact, about, found, [all(each) for each in hits], claimed))
    return Finding(_verdict(shares), "; ".join(parts))


def _agrees(fact: str, claimed: Any, found: Any) -> bool:
    return figure_agrees(fact, claimed, found) if fact in FIGURES else bool(claimed == found)


def _verdict(shares: Sequence[float]) -> str:
    return SUPPORTED if min(shares) == 1 else PARTLY if max(shares) > 0 else CONTRADICTED


def _told(fact: str, about: Sequence[str], found: list[list[Any]], holds: list[bool], claimed: list[Any]) -> str:
    """`max_seq_len 512 (gpt1), 1,024 (gpt2-small and 3 more)`, with what is claimed where that is not so."""
    groups: dict[str, list[str]] = {}
    for name, have, fits, want in zip(about, found, holds, claimed, strict=True):
        text = " and ".join(map(word, have)) + ("" if fits or isinstance(want, bool) else f", not {word(want)}")
        groups.setdefault(text, []).append(name)
    told = [text if len(groups) == 1 else f"{text} ({_names(names)})" for text, names in groups.items()]
    return f"{label(fact)} {', '.join(told)}"


def _names(names: Sequence[str]) -> str:
    return names[0] if len(names) == 1 else f"{names[0]} and {len(names) - 1} more"


def _less(about: Sequence[str], less: Less, models: dict[str, Model]) -> Finding:
    shares: list[float] = []
    parts = []
    for figure in less.of:
        (before,) = facts_of(_model(less.than, models), figure)
        for name in about:
            (after,) = facts_of(_model(name, models), figure)
            shares.append(float(after < before))
            parts.append(
                f"{label(figure)} {word(before)} in {less.than}, {word(after)} in {name}: {after / before:.3g} times"
            )
    return Finding(_verdict(shares), "; ".join(parts))


def _differ(about: Sequence[str], differ: Differ, models: dict[str, Model]) -> Finding:
    """All of what differs is named: it holds; some of it: in part."""
    others = [differ.from_] * len(about) if isinstance(differ.from_, str) else differ.from_
    shares: list[float] = []
    parts: dict[str, list[str]] = {}
    for name, other in zip(about, others, strict=True):
        one, two = (_model(each, models).record.architecture for each in (other, name))
        changes = architectures_differ(one, two)
        named = {key for key in changes if _is_named(key, differ.in_)}
        shares.append(len(named) / len(changes) if changes else 0.0)
        parts.setdefault(_changes(changes, named), []).append(name)
    told = [text if len(parts) == 1 else f"{text} ({_names(names)})" for text, names in parts.items()]
    return Finding(_verdict(shares), "; ".join(told))


def _is_named(key: str, names: Iterable[str]) -> bool:
    """Whether a name is that of an option, its axis or its size, in whatever block."""
    of = key.rpartition(": ")[2]
    return any(of == name or of.startswith(f"{name}.") for name in names)


def _changes(changes: dict[str, tuple[Any, Any]], named: set[str]) -> str:
    texts = [
        f"{'also ' if named and key not in named else ''}{label(key)} {word(before)} → {word(after)}"
        for key, (before, after) in sorted(changes.items(), key=lambda item: item[0] not in named)
    ]
    told = ", ".join(texts)
    return told if named else f"nothing that is said differs, but {told}" if changes else "nothing differs"


def _model(name: str, models: dict[str, Model]) -> Model:
    if name not in models:
        raise NotStoredError(_command(name, "exact"))
    return models[name]


def _command(name: str, metric: str) -> str:
    return f"harness run {name} --metrics {metric}"


FROM_STORED: dict[str, tuple[str, Callable[[dict[str, Any], Model], Any]]] = {
    "params": ("params", lambda values, _: values["total"]),
    "params.norm": ("params", lambda values, _: values["breakdown"]["norm"]),
    "kv_cache_bytes_per_token": ("kv_cache", lambda values, _: values["bytes_per_token"]["fp16"]),
    "tokens_in_6_gb_int4": ("kv_cache", lambda values, _: _longest(values, 6, "int4")),
    "visible_pairs": ("attention_pairs", lambda values, model: _pairs(values, model.max_length)),
}
"""The metric that stores a figure, and where in its result it stands."""


def _longest(values: dict[str, Any], budget_gb: int, weights: str) -> float:
    rows = (row for row in values["longest_context"] if (row["budget_gb"], row["weights"]) == (budget_gb, weights))
    tokens = next(rows)["tokens"]
    return float("inf") if tokens is None else tokens


def _pairs(values: dict[str, Any], length: int) -> int:
    pairs: int = next(point["pairs"] for point in values["points"] if point["seq_len"] == length)
    return pairs


def facts_of(model: Model, fact: str) -> list[Any]:
    """The different values of a fact in a model, over its layers where they differ; none where it has no such option.

    Raises:
        NotStoredError: what the fact is read from was not measured.
    """
    if fact.startswith(BUILT):
        facts = _stored(model, "behaviour")["facts"]
        if fact.removeprefix(BUILT) not in facts:
            raise NotStoredError(_command(model.name, "behaviour"))
        return [facts[fact.removeprefix(BUILT)]]
    if fact in FROM_STORED:
        metric, read = FROM_STORED[fact]
        return [read(_stored(model, metric), model)]
    architecture = model.record.architecture
    if fact in architecture["dims"]:
        return [architecture["dims"][fact]]
    if fact in ("query_heads", "key_value_heads"):
        return _different(heads[fact.removesuffix("_heads")] for heads in architecture["heads"].values())
    if fact == "attention":
        return _different(mixers_called(architecture).values())
    axis, _, option = fact.partition(".")
    return _different(options.get(option or "kind") for options in by_layer(architecture, axis))


def _stored(model: Model, metric: str) -> dict[str, Any]:
    values = model.values(metric)
    if values is None:
        raise NotStoredError(_command(model.name, metric))
    return values


def _different(values: Iterable[Any]) -> list[Any]:
    return list(dict.fromkeys(values))


def label(fact: str) -> str:
    """The name of a fact: of an option as specs have it, of a behaviour in words."""
    return fact.removeprefix(BUILT).replace("_", " ") if fact.startswith(BUILT) else fact


def word(value: Any) -> str:
    """A value in words."""
    if isinstance(value, bool):
        return "yes" if value else "no"
    if value is None:
        return "none"
    if isinstance(value, float) and value.is_integer():
        value = int(value)
    return exact(value) if isinstance(value, int) else str(value)
