"""Autoregressive blank infilling.

A text of n tokens loses spans; part A is what is left, with a mask for each span, and is read in both directions.
Part B holds the spans, each behind a start token, and is generated token by token, each span up to a stop token.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray

from harness.choices.objectives.blank_infilling import BlankInfilling
from harness.choices.positions import Position
from harness.modules import computes
from harness.modules.objectives import IGNORED, Batch, ObjectiveModule, Specials

LONG = 0.7
"""Share of texts that lose one long span at their end, every length of which is as likely; the others lose short ones:
Zeng et al. 2022 (GLM-130B), https://arxiv.org/abs/2210.02414, section 2.2."""
SHORT_SHARE, MEAN_LENGTH = 0.15, 3
"""Short spans have Poisson lengths of this mean, until they make up this share of the text: Du et al. 2022, 2.1."""

Span = tuple[int, int]
"""Where a span begins and ends, the end not included."""


@dataclass(frozen=True)
class _Example:
    """One text: inputs, targets and both positions, and how much of it is part A."""

    inputs: list[int]
    targets: list[int]
    in_context: list[int]
    in_span: list[int]
    context: int


@computes(BlankInfilling)
class FillBlanks(ObjectiveModule):
    """Spans are cut out and generated behind the rest."""

    def __init__(self, objective: BlankInfilling, position: Position, specials: Specials) -> None:
        super().__init__(objective, position, specials)
        self.shuffle_spans = objective.shuffle_spans

    def examples(self, tokens: NDArray[np.int64], answers: NDArray[np.bool_], rng: np.random.Generator) -> Batch:
        """Spans drawn for each text; shorter texts are filled up behind their end, where nothing is predicted."""
        examples = []
        for row in tokens:
            spans = cut(rng, len(row))
            order = rng.permutation(len(spans)) if self.shuffle_spans else np.arange(len(spans))
            examples.append(self.example(row, answers, spans, [int(index) for index in order]))
        longest = max(len(example.inputs) for example in examples)

        def filled(rows: list[list[int]], value: int) -> torch.Tensor:
            return torch.tensor([row + [value] * (longest - len(row)) for row in rows])

        ids = [filled([getattr(each, name) for each in examples], 0) for name in ("in_context", "in_span")]
        return Batch(
            filled([each.inputs for each in examples], self.specials.stop),
            filled([each.targets for each in examples], IGNORED),
            torch.tensor([each.context for each in examples]),
            torch.stack(ids, dim=1) if self.position.dimensions == 2 else None,
        )

    def example(
        self, tokens: NDArray[np.int64], answers: NDArray[np.bool_], spans: list[Span], order: list[int]
    ) -> _Example:
        """One text without its spans, [n], and the spans in this order behind it."""
        special = self.specials
        inputs: list[int] = []
        masks: list[int] = []  # where in part A each span's mask stands
        behind = 0
        for start, stop in spans:
            inputs += [*tokens[behind:start].tolist(), special.mask]
            masks.append(len(inputs) - 1)
            behind = stop
        inputs += tokens[behind:].tolist()
        context = len(inputs)
        targets = [IGNORED] * context
        in_context, in_span = list(range(context)), [0] * context
        for index in order:
            span = slice(*spans[index])
            inputs += [special.start, *tokens[span].tolist()]
            targets += [*np.where(answers[span], tokens[span], IGNORED).tolist(), special.stop]
            length = span.stop - span.start + 1
            in_context += [masks[index]] * length
            in_span += range(1, length + 1)
        return _Example(inputs, targets, in_context, in_span, context)

    def prompt(self, tokens: NDArray[np.int64]) -> Batch:
        """The text as part A with a mask at its end, and the start of the span that fills it."""
        rows, length = tokens.shape
        ending = np.tile([self.specials.mask, self.specials.start], (rows, 1))
        return Batch(torch.from_numpy(np.hstack((tokens, ending))), context=length + 1)


def cut(rng: np.random.Generator, length: int) -> list[Span]:
    """Spans to be cut out of a text, in order; no two touch."""
    if rng.random() < LONG:
        return [(int(rng.integers(length)), length)]
    wanted = max(1, round(SHORT_SHARE * length))
    lengths: list[int] = []
    while sum(lengths) < wanted:
        lengths.append(min(max(1, int(rng.poisson(MEAN_LENGTH))), wanted - sum(lengths)))
    gaps = np.sort(rng.choice(length - wanted + 1, size=len(lengths), replace=False))
    starts = gaps + np.cumsum([0, *lengths[:-1]])
    return [(int(start), int(start) + size) for start, size in zip(starts, lengths, strict=True)]
