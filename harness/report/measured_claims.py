"""What stored measurements say to claims of the notes: each question is a function of the results of one experiment."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from statistics import fmean

from harness.cells import Cell
from harness.errors import HarnessError, did_you_mean
from harness.intervals import Interval, paired
from harness.report import stability_verdicts as stability
from harness.report.frames import models_of
from harness.report.sections import most_lengths, times_faster
from harness.report.sections.norms import claim, most_shapes
from harness.report.verdicts import CONTRADICTED, NOT_MEASURED, PARTLY, SUPPORTED, UNDECIDED, Finding
from harness.report.wording import counted, exact

SPARSE = ("banded", "strided", "fixed", "dense, banded in turns")
"""The Sparse Transformer's patterns, and GPT-3's layers."""

Answer = Callable[[Sequence[Cell]], Finding | None]


@dataclass(frozen=True)
class Question:
    """What is asked of stored results.

    Attributes:
        of: the metric or the experiment whose results are asked.
        answer: from its good results, of a metric those of the specs of the claim, in their order. None where they do
            not tell.
        of_specs: whether it is measured of specs.
    """

    of: str
    answer: Answer
    of_specs: bool = False


def asked(name: str, cells: Sequence[Cell], about: Sequence[str]) -> Finding:
    """The answer to a question, or what would have to be measured for it.

    Raises:
        HarnessError: there is no such question.
    """
    if name not in QUESTIONS:
        raise HarnessError(f"unknown question {name!r}; {did_you_mean(name, list(QUESTIONS))}")
    question = QUESTIONS[name]
    good = [cell for cell in cells if cell.metric == question.of and cell.status == "ok"]
    if question.of_specs:
        of = {model.name: model.cells[question.of] for model in models_of(good)}
        good = [of[spec] for spec in about if spec in of]
    enough = len(good) == len(about) if question.of_specs else bool(good)
    specs = f"{' '.join(about)} " if question.of_specs else ""
    lacking = Finding(NOT_MEASURED, f"harness run {specs}--metrics {question.of}")
    return (question.answer(good) if enough else None) or lacking


def _dense_is_quadratic(cells: Sequence[Cell]) -> Finding | None:
    return _laws(cells, ("dense",), "n\N{SUPERSCRIPT TWO}")


def _sparse_is_n_log_n(cells: Sequence[Cell]) -> Finding | None:
    return _laws(cells, SPARSE, "n log n")


def _laws(cells: Sequence[Cell], patterns: Sequence[str], claimed: str) -> Finding | None:
    """The laws of the visible pairs, which are counted."""
    own = [cell for cell in cells if "against" not in cell.settings]
    if not own:
        return None
    laws = {law["pattern"]: law["law"] for law in most_lengths(own).values["laws"] if law["of"] == "pairs"}
    found = {pattern: laws[pattern] for pattern in patterns}
    evidence = ", ".join(f"{pattern} {law}" for pattern, law in found.items())
    return Finding(_of_all([law == claimed for law in found.values()]), f"visible pairs grow as: {evidence}")


def _of_all(holds: Sequence[bool]) -> str:
    return SUPPORTED if all(holds) else PARTLY if any(holds) else CONTRADICTED


def _rmsnorm_saves_time(cells: Sequence[Cell]) -> Finding:
    """The claim over all shapes, as the table of norms gives it for each."""
    counts = Counter(claim(row) for cell in most_shapes(cells) for row in cell.values["rows"])
    evidence = ", ".join(f"{words} in {count}" for words, count in counts.most_common())
    verdict = _of_all([words == "as claimed" for words in counts])
    if verdict == CONTRADICTED and set(counts) <= {"undecided", "not seen"}:
        verdict = UNDECIDED
    return Finding(verdict, f"of {counts.total()} shapes and implementations: {evidence}")


def _grouped_decode_faster(cells: Sequence[Cell]) -> Finding | None:
    """Grouped queries against a key-value head for each query, over the contexts of one sequence."""
    one = [cell for cell in cells if cell.settings["batch_size"] == 1 and not cell.settings["stack_bytes"]]
    if not one:
        return None
    rows = [row for row in most_lengths(one).values["rows"] if row["arrangement"].startswith("GQA, 4")]
    last = max(rows, key=lambda row: row["seq_len"])
    verdicts = [row["verdict"] for row in rows]
    evidence = (
        f"one layer, 4 queries a key head: faster than multi-head at {verdicts.count('faster')} of {len(rows)} "
        f"contexts, {times_faster(last['ratio'])} times behind {exact(last['seq_len'])} tokens"
    )
    if set(verdicts) == {"no significant difference"}:
        return Finding(UNDECIDED, evidence)
    return Finding(_of_all([verdict == "faster" for verdict in verdicts]), evidence)


def _examples_help(cells: Sequence[Cell]) -> Finding:
    """Accuracy with the most demonstrations above that with the fewest, seed by seed."""
    (cell,) = cells
    shots = cell.values["classification"]["shots"]
    few, most = ([seed["classification"][at] for seed in cell.values["seeds"]] for at in (0, -1))
    found = paired(most, few)
    evidence = (
        f"small model: {fmean(few):.3f} with {counted(shots[0], 'example')}, {fmean(most):.3f} with {shots[-1]}"
        f"{_over_seeds(found, len(most))}"
    )
    return Finding(_beyond(found), evidence)


def _shuffling_helps(cells: Sequence[Cell]) -> Finding:
    """The first spec shuffles its spans, the second does not."""
    found, parts = [], []
    for task in ("classification", "recall"):
        shuffled, ordered = ([seed[task][-1] for seed in cell.values["seeds"]] for cell in cells)
        if len(shuffled) != len(ordered):
            return Finding(UNDECIDED, "the two small models were trained with different seeds")
        difference = paired(shuffled, ordered)
        found.append(_beyond(difference))
        parts.append(
            f"{task} {fmean(shuffled):.3f} shuffled, {fmean(ordered):.3f} in order"
            f"{_over_seeds(difference, len(shuffled))}"
        )
    verdict = found[0] if len(set(found)) == 1 else PARTLY if SUPPORTED in found else min(found)
    return Finding(verdict, f"small models: {'; '.join(parts)}")


def _over_seeds(difference: Interval, seeds: int) -> str:
    if seeds == 1:
        return ", one seed only"
    return f", a difference of {difference.mid:.3f} ({difference.low:.3f} to {difference.high:.3f}) in {seeds} seeds"


def _beyond(difference: Interval) -> str:
    """Whether it is above 0, or below, with its whole interval; one seed decides nothing."""
    return SUPPORTED if difference.low > 0 else CONTRADICTED if difference.high < 0 else UNDECIDED


def _stability(part: str, needs: Sequence[str], *questions: Callable[[stability.Values], stability.Verdict]) -> Answer:
    """What results of fresh models (`start`) or of trainings (`training`) with these candidates say, all together."""

    def answer(cells: Sequence[Cell]) -> Finding | None:
        chosen = [
            cell
            for cell in stability.chosen_results(cells)
            if cell.settings["part"] == part and set(needs) <= set(cell.settings["candidates"])
        ]
        found = {stability.where(cell): [question(cell.values) for question in questions] for cell in chosen}
        holds = [verdict.holds for verdicts in found.values() for verdict in verdicts]
        evidence = "; ".join(f"{where}: {', '.join(map(_in_short, verdicts))}" for where, verdicts in found.items())
        return Finding(_of_seeds(holds), evidence) if found else None

    return answer


def _in_short(verdict: stability.Verdict) -> str:
    return f"{verdict.words.partition(',')[0]} ({verdict.evidence})"


def _of_seeds(holds: Sequence[bool | None]) -> str:
    """As of all, where seeds that do not agree decide nothing."""
    return UNDECIDED if None in holds and True not in holds else _of_all([bool(each) for each in holds])


QUESTIONS = {
    "dense_attention_is_quadratic": Question("attention", _dense_is_quadratic),
    "sparse_attention_is_n_log_n": Question("attention", _sparse_is_n_log_n),
    "rmsnorm_saves_time": Question("norms", _rmsnorm_saves_time),
    "grouped_queries_decode_faster": Question("decoding", _grouped_decode_faster),
    "examples_in_context_help": Question("icl", _examples_help, of_specs=True),
    "shuffled_spans_help": Question("icl", _shuffling_helps, of_specs=True),
    "stability_of_depth": Question(
        "stability",
        _stability(
            "start",
            stability.BOTH,
            stability.gradient_ratio_grows_with_depth,
            stability.first_gradient_grows_with_depth,
            stability.last_gradient_vanishes_with_depth,
        ),
    ),
    "stability_of_pre_norm": Question(
        "stability",
        _stability("start", stability.BOTH, stability.pre_reduces_variance_change, stability.pre_stabilises_gradients),
    ),
    "stability_of_training_with_pre_norm": Question(
        "stability", _stability("training", stability.BOTH, stability.pre_trains_at_higher_rates)
    ),
    "stability_of_rmsnorm": Question(
        "stability", _stability("training", stability.NORMS, stability.rmsnorm_trains_at_higher_rates)
    ),
}
"""By the names that claims use."""
