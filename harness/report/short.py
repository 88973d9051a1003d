"""What the stored results say, in a few sentences: each with its number, how sure it is, and a link to the evidence."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode

from harness.cells import Cell
from harness.report.architecture import mixers_called, summary
from harness.report.frames import Model, claims_frame, patterns_frame
from harness.report.sections import Section, between
from harness.report.wording import TIMES, counted, exact, percent, short_bytes, with_error
from harness.spec.diff import architectures_differ

MOST = 6
"""Sentences at the head of a page."""
LONG = 32_768
"""Tokens of a context that is long for the models of the notes."""
KV_HEADS = "mixer.num_kv_heads"
MEASURED = {"norms": "the speed of norms", "stability": "how stably norms train", "icl": "what small models learn"}
"""Experiments and metrics that a sentence would come from, and what it would be about."""


@dataclass(frozen=True)
class Finding:
    """One sentence.

    Attributes:
        topic: what it is about, in a word or two.
        says: the sentence, with its number and, where it was measured, its interval.
        basis: how the number was come by.
        evidence: where on the page it comes from: `?…#section`.
    """

    topic: str
    says: str
    basis: str
    evidence: str


def findings(
    cells: Sequence[Cell],
    models: Sequence[Model],
    baseline: Model,
    learned: Mapping[str, Section],
    stable: Section | None,
    notes: Mapping[str, Sequence[Any]],
) -> list[Finding]:
    """The first few of what the results allow to say."""
    known = [
        *_sharing(models, baseline),
        *_smallest(models),
        *_growth(models),
        *_notes(notes),
        *_norms(cells),
        *_stability(stable),
        *_learning(learned, models),
        *_published(models),
    ]
    return known[:MOST]


def not_measured(cells: Sequence[Cell]) -> list[tuple[str, str]]:
    """(what nothing is said about, the metric or experiment that would measure it)."""
    there = {cell.metric for cell in cells if cell.status == "ok"}
    return [(about, metric) for metric, about in MEASURED.items() if metric not in there]


def _sharing(models: Sequence[Model], baseline: Model) -> Iterator[Finding]:
    """What sharing keys and values leaves of a cache: two models that differ in nothing else."""
    length = baseline.max_length
    whole = baseline.figures(length)
    apart = [
        (cache, model)
        for model in models
        if set(architectures_differ(baseline.record.architecture, model.record.architecture)) == {KV_HEADS}
        and (cache := model.figures(length)["cache"])
    ]
    if not apart or not whole["cache"]:
        return
    least, model = min(apart, key=lambda each: (each[0], each[1].name))
    heads = [each.record.architecture["choices"]["mixer"]["num_kv_heads"] for each in (model, baseline)]
    kind = " / ".join(dict.fromkeys(mixers_called(model.record.architecture).values()))
    says = (
        f"With {counted(heads[0], 'key-value head')} in place of {heads[1]} ({kind}) {baseline.record.title} keeps "
        f"{short_bytes(least)} of {exact(length)} tokens, not {short_bytes(whole['cache'])}: "
        f"{TIMES}{float(least / whole['cache']):.3g}"
    )
    if model.figures()["params"] and whole["params"]:
        says += f", with {TIMES}{float((model.figures()['params'] or 0) / whole['params']):.3f} of the parameters"
    yield Finding("Shared keys and values", f"{says}.", "exact", _compare(baseline.name, model.name))


def _smallest(models: Sequence[Model]) -> Iterator[Finding]:
    """Which released model keeps least of a long context, and why; and which of those that attend in every layer."""
    able = [
        (kept, model)
        for model in models
        if model.record.provenance == "released" and (kept := model.figures(LONG)["cache"]) is not None
    ]
    if len(able) < 2:
        return
    least, model = min(able, key=lambda each: (each[0], each[1].name))
    says = f"Of {exact(LONG)} tokens {model.record.title} keeps least, {short_bytes(least)}: {_why(model)}"
    grown = [each for each in able if each[1].figures()["state"] == 0]
    if grown and least != min(grown, key=lambda each: each[0])[0]:
        least, other = min(grown, key=lambda each: (each[0], each[1].name))
        says += f". Of those that keep keys and values alone it is {other.record.title}, {short_bytes(least)}"
        says += f": {_why(other)}"
    yield Finding("Smallest cache", f"{says}.", "exact", f"?{urlencode({'context': LONG})}#models")


def _why(model: Model) -> str:
    figures, architecture = model.figures(), model.record.architecture
    kinds = " and ".join(dict.fromkeys(mixers_called(architecture).values()))
    layers = counted(architecture["dims"]["num_layers"], "layer")
    if not figures["kv"]:
        return f"its {layers} ({kinds}) keep a state that does not grow"
    pattern = summary(architecture)["pattern"]
    seen = "" if pattern == "dense" else f"; {pattern}"
    return f"{short_bytes(figures['kv'])} a token in {layers} ({kinds}{seen})"


def _growth(models: Sequence[Model]) -> Iterator[Finding]:
    """By what doubling a long context multiplies the pairs that a pattern leaves visible."""
    found: dict[str, dict[int, int]] = {}
    frame = patterns_frame(models)
    for pattern, n, visible in zip(frame["pattern"], frame["seq_len"], frame["visible"], strict=True):
        found.setdefault(pattern, {})[n] = visible
    lengths = sorted({n for visible in found.values() for n in visible})
    if len(found) < 2 or len(lengths) < 2 or lengths[-1] != 2 * lengths[-2]:
        return
    half, most = lengths[-2:]
    firsts: dict[str, str] = {}
    for pattern, visible in found.items():
        if half in visible and most in visible:
            firsts.setdefault(pattern.partition(",")[0], pattern)
    told = "; ".join(
        f"{pattern.replace('_', '-')}: {found[pattern][most] / found[pattern][half]:.2f}" for pattern in firsts.values()
    )
    logarithmic = 2 * math.log(most) / math.log(half)
    says = (
        f"Doubling {exact(half)} tokens multiplies the visible pairs of a layer, by its pattern ({told}). "
        f"n² would be 4.00, n√n 2.83, n log n {logarithmic:.2f}, n 2.00"
    )
    yield Finding("Growth of attention", f"{says}.", "exact", "#pairs")


def _notes(notes: Mapping[str, Sequence[Any]]) -> Iterator[Finding]:
    """How many claims of the notes fail, and the first of them."""
    failing = notes.get("contradicted", [])
    count = sum(map(len, notes.values()))
    if not count:
        return
    named = ", ".join(each.claim.id for each in failing)
    says = f"Of {exact(count)} claims of the notes {len(failing)} are contradicted by results"
    says += f" ({named}), and {len(notes.get('supported', []))} supported"
    if failing:
        says += f". {failing[0].claim.id} says: “{failing[0].claim.says.rstrip('.')}”"
    yield Finding("Claims of the notes", f"{says}.", "exact and measured", "#notes")


def _norms(cells: Sequence[Cell]) -> Iterator[Finding]:
    """Whether RMSNorm is faster: in how many pairs, and where by most."""
    rows = [row for cell in cells if cell.metric == "norms" and cell.status == "ok" for row in cell.values["rows"]]
    if not rows:
        return
    counts = {word: sum(row["verdict"] == word for row in rows) for word in ("faster", "slower")}
    best = min(rows, key=lambda row: row["ratio"]["high"])
    says = (
        f"RMSNorm is faster than LayerNorm in {counts['faster']} and slower in {counts['slower']} of "
        f"{counted(len(rows), 'pair')} timed; at best it takes {between(best['ratio'])} of the time "
        f"({best['of']} / {best['to']}, {best['pass']}, {exact(best['tokens'])} tokens of {exact(best['width'])})"
    )
    yield Finding("RMSNorm's speed", f"{says}.", "measured, 99 % interval between processes", "#measured-norms")


def _stability(section: Section | None) -> Iterator[Finding]:
    """The first answer about training at high rates."""
    answers = section.tables.get("verdicts") if section else None
    for question, answer, place, evidence in answers.rows[:1] if answers else []:
        yield Finding("Stability", f"{question} {answer} ({place}: {evidence}).", "measured, over seeds", "#stability")


def _learning(learned: Mapping[str, Section], models: Sequence[Model]) -> Iterator[Finding]:
    """Of small models trained alike, which recalls most and which least."""
    if "icl" not in learned:
        return
    found = []
    for model in models:
        recall = (model.values("icl") or {}).get("recall")
        if recall:
            most = len(recall["keys"]) - 1
            error = recall["standard_error"][most] if recall["standard_error"] else None  # of one seed none is known
            found.append((recall["accuracy"][most], error, recall["keys"][most], model))
    if len(found) < 2:
        return
    best, worst = (choose(found, key=lambda each: (each[0], each[3].name)) for choose in (max, min))
    says = (
        f"Of {len(found)} small models trained alike, {best[3].record.title}'s choices recall most of {best[2]} pairs, "
        f"{with_error(best[0], best[1])}, and {worst[3].record.title}'s least, {with_error(worst[0], worst[1])}"
    )
    yield Finding("Recall", f"{says}.", "measured, with standard errors", "#learning")


def _published(models: Sequence[Model]) -> Iterator[Finding]:
    """How many published figures the counts confirm, and which is farthest off."""
    claims = claims_frame(models).to_dict("records")
    apart = [claim for claim in claims if not claim["agrees"] and claim["relative"] is not None]
    if not claims:
        return
    agree = sum(claim["agrees"] for claim in claims)
    says = f"Of {exact(len(claims))} published figures {agree} agree with the counts"
    if apart:
        farthest = max(apart, key=lambda claim: abs(claim["relative"]))
        says += f"; farthest off is {farthest['title']}'s {farthest['metric'].replace('_', ' ')}"
        says += f", counted {percent(farthest['relative'])} from what was published"
    yield Finding("Published figures", f"{says}.", "exact", "#claims")


def _compare(a: str, b: str) -> str:
    return f"?{urlencode({'a': a, 'b': b})}#compare"
