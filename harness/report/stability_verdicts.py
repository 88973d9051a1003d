"""What stored results of the experiment `stability` say to claims about norms, seed by seed. No number is typed in.

Each function takes the values of one stored result: the first ones those of fresh models (`part` is `start`), the last
ones those of trainings.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from harness.cells import Cell

EXPERIMENT = "stability"
Values = Mapping[str, Any]

DOUBLE = 2.0
"""A measure grows with depth if it more than doubles from the least depth to the greatest."""


@dataclass(frozen=True)
class Verdict:
    """An answer.

    Attributes:
        by_seed: whether it is so, for each seed.
        evidence: the numbers that say so, in words.
    """

    by_seed: tuple[bool, ...]
    evidence: str

    @property
    def holds(self) -> bool | None:
        """Whether it is so; None where the seeds do not agree."""
        return self.by_seed[0] if len(set(self.by_seed)) == 1 else None

    @property
    def words(self) -> str:
        """Yes, no, or in how many seeds."""
        if self.holds is None:
            return f"in {sum(self.by_seed)} of {len(self.by_seed)} seeds"
        return f"{'yes' if self.holds else 'no'}, in all {len(self.by_seed)} seeds"


def gradient_ratio_grows_with_depth(values: Values, candidate: str = "post") -> Verdict:
    """Whether gradients of the first and the last block part, one way or the other, as models become deeper."""
    return _grows(values, candidate, "first_to_last", "gradient of first over last block", _factor)


def stream_growth_grows_with_depth(values: Values, candidate: str = "post") -> Verdict:
    """Whether the variance of the stream changes the more between the first block and the last, the more there are."""
    return _grows(values, candidate, "stream_growth", "variance behind last over first block", _factor)


def first_gradient_grows_with_depth(values: Values, candidate: str = "post") -> Verdict:
    """Whether the gradient that has passed all blocks explodes: that by the weights of the first."""
    return _grows(values, candidate, "first_gradient", "gradient of first block", float)


def last_gradient_vanishes_with_depth(values: Values, candidate: str = "pre") -> Verdict:
    """Whether the gradient by the weights of the last block becomes less than half.

    Theorem 1 of Xiong et al. 2020 has it fall as 1 / sqrt(L) in pre-LN, and not fall in post-LN.
    """
    return _grows(values, candidate, "last_gradient", "gradient of last block", lambda value: 1 / value)


def pre_reduces_variance_change(values: Values) -> Verdict:
    """Whether the variance of the stream changes less from the first block to the last with pre-norm than with post."""
    return _pre_is_nearer_to_one(
        values, lambda rows: rows[-1]["stream_growth"], "variance behind last over first block"
    )


def pre_evens_gradients(values: Values) -> Verdict:
    """Whether gradients of the deepest model differ less between first and last block with pre-norm than with post."""
    return _pre_is_nearer_to_one(values, lambda rows: rows[-1]["first_to_last"], "gradient of first over last block")


def pre_stabilises_gradients(values: Values) -> Verdict:
    """Whether depth changes the gradient that has passed all blocks less with pre-norm than with post-norm."""

    def change(rows: Sequence[Values]) -> list[float]:
        return [
            deep / shallow for shallow, deep in zip(rows[0]["first_gradient"], rows[-1]["first_gradient"], strict=True)
        ]

    return _pre_is_nearer_to_one(values, change, "gradient of first block, deepest over shallowest")


def pre_trains_at_higher_rates(values: Values) -> Verdict:
    """Whether pre-norm trains at a higher learning rate than post-norm."""
    return _trains_higher(values, "pre", "post")


def rmsnorm_trains_at_higher_rates(values: Values) -> Verdict:
    """Whether RMSNorm trains at a higher learning rate than LayerNorm, both as pre-norms."""
    return _trains_higher(values, "pre", "pre, LayerNorm")


def highest_rates(values: Values, candidate: str) -> list[float]:
    """The highest learning rate at which a candidate trained, for each seed; 0 where it did at none.

    A run has trained if it ends with at least half of what can be learnt: with its final loss nearer to the best there
    can be than to that of a predictor that knows only how often words come.
    """
    rows = [row for row in values["rows"] if row["candidate"] == candidate]
    by_seed = zip(*(row["trained"] for row in rows), strict=True)
    return [max((row["rate"] for row, done in zip(rows, seed, strict=True) if done), default=0.0) for seed in by_seed]


def over_depth(values: Values, candidate: str) -> list[Values]:
    """The rows of a candidate, from the least depth to the greatest."""
    return sorted((row for row in values["rows"] if row["candidate"] == candidate), key=lambda row: int(row["depth"]))


def spread(seeds: Sequence[float]) -> str:
    """The least and the greatest over the seeds, in two digits: 0.81 to 1.2, or 3,800 to 8.7e4."""
    low, high = map(_two_digits, (min(seeds), max(seeds)))
    return low if low == high else f"{low} to {high}"


def _two_digits(value: float) -> str:
    digits = f"{value:.2g}"
    return f"{float(digits):,.0f}" if 100 <= float(digits) < 1e4 else digits.replace("e+0", "e").replace("e+", "e")


def _factor(ratio: float) -> float:
    """How far a ratio is from 1, whichever way."""
    return max(ratio, 1 / ratio)


def _grows(values: Values, candidate: str, measure: str, words: str, size: Callable[[float], float]) -> Verdict:
    """Whether the size of a measure more than doubles."""
    first, *_, last = over_depth(values, candidate)
    by_seed = tuple(
        size(deep) > DOUBLE * size(shallow) for shallow, deep in zip(first[measure], last[measure], strict=True)
    )
    numbers = [f"{spread(row[measure])} in {row['depth']}" for row in (first, last)]
    return Verdict(by_seed, f"{words}: {candidate} {numbers[0]} blocks, {numbers[1]}")


def _pre_is_nearer_to_one(values: Values, of: Callable[[Sequence[Values]], list[float]], words: str) -> Verdict:
    pre, post = (of(over_depth(values, name)) for name in ("pre", "post"))
    by_seed = tuple(_factor(one) < _factor(other) for one, other in zip(pre, post, strict=True))
    return Verdict(by_seed, f"{words}: pre {spread(pre)}, post {spread(post)}")


def _trains_higher(values: Values, one: str, other: str) -> Verdict:
    ours, theirs = (highest_rates(values, name) for name in (one, other))
    rates = "; ".join(
        f"{name} {', '.join(map(rate_in_words, found))}" for name, found in ((one, ours), (other, theirs))
    )
    times = f"; {spread([a / b for a, b in zip(ours, theirs, strict=True)])} times" if all(theirs) else ""
    return Verdict(tuple(a > b for a, b in zip(ours, theirs, strict=True)), f"highest by seed: {rates}{times}")


def rate_in_words(rate: float) -> str:
    """0.003, or none."""
    return f"{rate:g}" if rate else "none"


@dataclass(frozen=True)
class Question:
    """What is asked of results.

    Attributes:
        words: the question.
        part: of which results: `start`, fresh models, or `training`.
        needs: the candidates that it speaks of.
        answer: from the values of a result.
    """

    words: str
    part: str
    needs: tuple[str, ...]
    answer: Callable[[Values], Verdict]


def _of_depth(words: str, function: Callable[[Values, str], Verdict]) -> list[Question]:
    """The same question of post-norm and of pre-norm."""

    def of(name: str) -> Question:
        return Question(f"{name}: {words}", "start", (name,), lambda values: function(values, name))

    return [of("post"), of("pre")]


BOTH, NORMS = ("pre", "post"), ("pre", "pre, LayerNorm")
QUESTIONS = (
    Question("Does pre-norm train at higher rates than post-norm?", "training", BOTH, pre_trains_at_higher_rates),
    Question("Does RMSNorm train at higher rates than LayerNorm?", "training", NORMS, rmsnorm_trains_at_higher_rates),
    Question(
        "Does pre-norm reduce the change of variance over the blocks?", "start", BOTH, pre_reduces_variance_change
    ),
    Question("Does pre-norm even gradients out over the blocks?", "start", BOTH, pre_evens_gradients),
    Question("Does pre-norm steady the first block's gradient over depth?", "start", BOTH, pre_stabilises_gradients),
    *_of_depth("do gradients of first and last block part with depth?", gradient_ratio_grows_with_depth),
    *_of_depth("does the first block's gradient explode with depth?", first_gradient_grows_with_depth),
    *_of_depth("does the last block's gradient vanish with depth?", last_gradient_vanishes_with_depth),
    *_of_depth("does the stream's variance change more with depth?", stream_growth_grows_with_depth),
)


def answers(cell: Cell) -> Iterator[tuple[Question, Verdict]]:
    """All that a good result can answer."""
    for question in QUESTIONS:
        if question.part == cell.settings["part"] and set(question.needs) <= set(cell.settings["candidates"]):
            yield question, question.answer(cell.values)


def chosen_results(cells: Iterable[Cell]) -> list[Cell]:
    """Of the good results of each base, depth and warm-up the one with the most in it, of those the newest."""
    most: dict[tuple[Any, ...], Cell] = {}
    for cell in cells:
        if cell.metric == EXPERIMENT and cell.status == "ok":
            key = _where(cell)
            most[key] = max(most.get(key, cell), cell, key=lambda each: (_extent(each.settings), each.created))
    return [most[key] for key in sorted(most)]


def _where(cell: Cell) -> tuple[str, str, int, int]:
    settings = cell.settings
    warmup = settings.get("recipe", {}).get("warmup_steps", 0)
    return settings["part"], settings["base"]["spec"], settings.get("depth", 0), warmup


def _extent(settings: Values) -> int:
    return math.prod(len(settings[part]) for part in ("candidates", "seeds", "depths", "rates") if part in settings)


def where(cell: Cell) -> str:
    """Of what a result is: `llama-7b, fresh`, or `llama-7b, 6 blocks, no warm-up`."""
    part, base, depth, warmup = _where(cell)
    if part == "start":
        return f"{base}, fresh"
    return f"{base}, {depth} blocks, {f'{warmup} steps of warm-up' if warmup else 'no warm-up'}"
