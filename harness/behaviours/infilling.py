"""What the examples of an objective look like, read from what it makes of texts whose tokens are all different."""

from __future__ import annotations

from dataclasses import dataclass

from harness.behaviours import Fact, behaviours
from harness.spec.model import Spec

TEXTS, LENGTH = 64, 40
MASK, START, STOP = LENGTH, LENGTH + 1, LENGTH + 2


@dataclass(frozen=True)
class Span:
    """A span behind part A: its tokens, what is predicted at its places, and the positions of these."""

    tokens: list[int]
    targets: list[int]
    positions: list[list[int]]


@dataclass(frozen=True)
class Example:
    """Part A with its positions, and the spans in their order."""

    part_a: list[int]
    positions: list[list[int]]
    spans: list[Span]

    @property
    def masks(self) -> list[int]:
        """Where the masks stand."""
        return [place for place, token in enumerate(self.part_a) if token == MASK]


def examples(spec: Spec) -> list[Example]:
    """Examples of the texts 0, 1, ..., n - 1; none where the objective cuts nothing out."""
    import numpy as np
    import torch

    from harness.modules import computed_by
    from harness.modules.objectives import Specials

    objective = computed_by(spec.choices.objective)(
        spec.choices.objective, spec.choices.position, Specials(MASK, START, STOP)
    )
    texts = np.tile(np.arange(LENGTH), (TEXTS, 1))
    batch = objective.examples(texts, np.ones(LENGTH, dtype=bool), np.random.default_rng(0))
    if isinstance(batch.context, int):
        return []
    ids = batch.position_ids if batch.position_ids is not None else torch.zeros(TEXTS, 0, batch.input_ids.shape[1])
    found = []
    for tokens, targets, context, places in zip(
        batch.input_ids.tolist(), batch.targets.tolist(), batch.context.tolist(), ids.tolist(), strict=True
    ):
        end = max((at + 1 for at, target in enumerate(targets) if target == STOP), default=context)
        starts = [at for at in range(context, end) if tokens[at] == START]
        spans = [
            Span(tokens[at:stop], targets[at:stop], [line[at:stop] for line in places])
            for at, stop in zip(starts, [*starts, end][1:], strict=True)
        ]
        found.append(Example(tokens[:context], [line[:context] for line in places], spans))
    return found


@behaviours.register("one_mask_a_span")
def one_mask_a_span(spec: Spec) -> Fact:
    """Part A holds one mask for each span, and all tokens that are in none."""
    made = examples(spec)
    return bool(made) and all(
        len(each.masks) == len(each.spans) > 0
        and sorted(each.part_a + [token for span in each.spans for token in span.tokens[1:]])
        == [*range(LENGTH), *[MASK] * len(each.spans)]
        for each in made
    )


@behaviours.register("spans_random")
def spans_random(spec: Spec) -> Fact:
    """Spans are runs of the text, and not the same ones in every example."""
    made = [span.tokens[1:] for each in examples(spec) for span in each.spans]
    runs = all(tokens == list(range(tokens[0], tokens[0] + len(tokens))) for tokens in made)
    return runs and len({tuple(tokens) for tokens in made}) > TEXTS // 4


@behaviours.register("spans_short_and_long")
def spans_short_and_long(spec: Spec) -> Fact:
    """Some examples lose several spans, others one up to their end."""
    made = examples(spec)
    to_end = [len(each.spans) == 1 and each.spans[0].tokens[-1] == LENGTH - 1 for each in made]
    return any(to_end) and any(len(each.spans) > 1 for each in made)


@behaviours.register("spans_shuffled")
def spans_shuffled(spec: Spec) -> Fact:
    """Spans do not always come in the order of the text."""
    firsts = [[span.tokens[1] for span in each.spans] for each in examples(spec)]
    return any(places != sorted(places) for places in firsts)


@behaviours.register("spans_start_and_stop")
def spans_start_and_stop(spec: Spec) -> Fact:
    """Behind the start token each span is predicted token by token, and then a stop token."""
    made = [span for each in examples(spec) for span in each.spans]
    return bool(made) and all(span.tokens[0] == START and span.targets == [*span.tokens[1:], STOP] for span in made)


@behaviours.register("positions_of_spans")
def positions_of_spans(spec: Spec) -> Fact:
    """Part A counts 0, 1, ... and has 0 besides; a span stays at the place of its mask and counts 1, 2, ..."""
    made = examples(spec)
    return bool(made) and all(_two_dimensional(each) for each in made)


def _two_dimensional(example: Example) -> bool:
    size = len(example.part_a)
    if example.positions != [list(range(size)), [0] * size]:
        return False
    in_order = dict(zip(sorted(span.tokens[1] for span in example.spans), example.masks, strict=True))
    return all(
        span.positions == [[in_order[span.tokens[1]]] * len(span.tokens), list(range(1, len(span.tokens) + 1))]
        for span in example.spans
    )
