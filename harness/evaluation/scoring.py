"""Log-likelihoods of continuations, with every token that requests have in common computed once.

Requests of a task share their demonstrations, and the choices of a question share the question. So tokens are computed
in three passes, each going on from the cache of the one before: what a group of contexts begins with, the rest of each
context, and the continuations of each.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import TypeVar

import torch
from torch import Tensor

from harness.errors import HarnessError
from harness.modules.decoder import Decoder
from harness.modules.states import Cache

Tokens = tuple[int, ...]
T = TypeVar("T")

TOKENS_A_PASS = 4096
"""More are not computed at once: each has logits over the whole vocabulary."""

WORTH_SHARING = 8
"""A beginning of fewer tokens is computed again with every text: a pass of its own would take longer."""


@dataclass
class TokenCount:
    """How many tokens were computed, and how many there would be were each request computed alone."""

    requested: int = 0
    computed: int = 0
    padding: int = 0

    def __iadd__(self, other: TokenCount) -> TokenCount:
        self.requested += other.requested
        self.computed += other.computed
        self.padding += other.padding
        return self


@dataclass(frozen=True)
class Score:
    """Of a continuation: the sum of its tokens' log-probabilities, and whether each is the likeliest one."""

    loglikelihood: float
    greedy: bool


class Scorer:
    """Scores continuations of contexts.

    Args:
        model: in evaluation mode.
        batch_size: sequences that are computed side by side.
        blank: see `Tokenizer.blank`; it is put behind every context.
        reuse: whether what requests share is computed once.
        max_length: tokens of a sequence, the blank among them; None for what the model was made for.
    """

    def __init__(
        self,
        model: Decoder,
        batch_size: int,
        blank: Tokens = (),
        reuse: bool = True,
        max_length: int | None = None,
    ) -> None:
        self.model, self.batch_size, self.blank, self.reuse = model, batch_size, blank, reuse
        self.max_length = model.spec.dims.max_seq_len if max_length is None else max_length
        self.device = next(model.parameters()).device
        self.count = TokenCount()
        # Where a token sees later ones of its context, texts that only begin alike have nothing in common.
        patterns = [block.pattern for block in model.spec.blocks.values()]
        self.causal = not any(pattern.visible(0, 1, context=2) for pattern in patterns)

    @torch.no_grad()
    def scores(self, requests: Sequence[tuple[Tokens, Tokens]]) -> Iterator[tuple[int, Score]]:
        """Scores of (context, continuation) pairs, neither of them empty, each with its place among the requests."""
        cut = [self._cut(context, continuation) for context, continuation in requests]
        self.count.requested += sum(len(context) + len(continuation) - 1 for context, continuation in cut)
        order = sorted(range(len(cut)), key=lambda place: cut[place])
        if not self.reuse:
            for place in order:
                yield from self._score_contexts({cut[place][0]: [(place, cut[place][1])]}, None)
            return
        asked: dict[Tokens, list[tuple[int, Tokens]]] = {}
        for place in order:
            context, continuation = cut[place]
            asked.setdefault(context, []).append((place, continuation))
        for contexts, shared in _groups(list(asked)) if self.causal else [(list(asked), 0)]:
            prefix = self._prefix(contexts[0][:shared]) if shared else None
            stems = sorted(contexts, key=len)
            for _, alike in groupby(stems, key=len):
                yield from self._score_contexts({context: asked[context] for context in alike}, prefix)

    @property
    def longest(self) -> int:
        """The most tokens of a text that the model can read beside the blank."""
        return self.max_length - len(self.blank)

    def _cut(self, context: Tokens, continuation: Tokens) -> tuple[Tokens, Tokens]:
        """The end of a context that is too long for the model, and the blank; what is predicted is never cut."""
        if len(continuation) > self.longest:
            raise HarnessError(f"a continuation of {len(continuation)} tokens; the model has room for {self.longest}")
        return context[-(self.longest + 1 - len(continuation)) :] + self.blank, continuation

    def _prefix(self, tokens: Tokens) -> Cache:
        cache = self.model.new_cache()
        self._pass([tokens], cache, len(tokens))
        return cache

    def _score_contexts(
        self, asked: dict[Tokens, list[tuple[int, Tokens]]], prefix: Cache | None
    ) -> Iterator[tuple[int, Score]]:
        """Score contexts of one length behind a common prefix, batch by batch."""
        known = prefix.length if prefix else 0
        length = len(next(iter(asked)))
        read = length - min(1, len(self.blank))  # the last of the blank begins what is predicted
        for contexts in _chunks(list(asked), self._rows(length - known)):
            rows = torch.zeros(len(contexts), dtype=torch.long, device=self.device)
            cache = prefix.rows(rows) if prefix else self.model.new_cache()
            first = self._pass([context[known:] for context in contexts], cache, read)[:, -1]  # [B, V]
            yield from self._score_continuations([asked[context] for context in contexts], first, cache, read)

    def _score_continuations(
        self, asked: list[list[tuple[int, Tokens]]], first: Tensor, cache: Cache, read: int
    ) -> Iterator[tuple[int, Score]]:
        """Score what follows each row of a cache, of which `first` says what comes next, [B, V]."""
        waiting = [(row, place, tokens) for row, pairs in enumerate(asked) for place, tokens in pairs]
        waiting.sort(key=lambda each: len(each[2]))
        for batch in _chunks(waiting, self._rows(max(len(tokens) for _, _, tokens in waiting))):
            rows = torch.tensor([row for row, _, _ in batch], device=self.device)
            logits = first[rows, None]  # [B, 1, V]
            if any(len(tokens) > 1 for _, _, tokens in batch):
                rest = self._pass([tokens[:-1] for _, _, tokens in batch], cache.rows(rows), read)
                logits = torch.cat((logits, rest), dim=1)
            for (_, place, tokens), row in zip(batch, logits, strict=True):
                yield place, _score(row[: len(tokens)], tokens)

    def _rows(self, width: int) -> int:
        return max(1, min(self.batch_size, TOKENS_A_PASS // width))

    def _pass(self, sequences: Sequence[Tokens], cache: Cache, context: int) -> Tensor:
        """Logits behind every token, [B, T, V]; shorter sequences stand in front of padding, which no token sees."""
        width = max(map(len, sequences))
        tokens = torch.tensor([[*row, *[0] * (width - len(row))] for row in sequences], device=self.device)
        real = sum(map(len, sequences))
        self.count += TokenCount(computed=real, padding=tokens.numel() - real)
        logits: Tensor = self.model(tokens, cache=cache, context=context)
        return logits


def _score(logits: Tensor, tokens: Tokens) -> Score:
    """Of tokens and the logits of each, [T, V]."""
    expected = torch.tensor(tokens, device=logits.device)
    logprobs = logits.double().log_softmax(-1).gather(-1, expected[:, None])
    return Score(float(logprobs.sum()), bool((logits.argmax(-1) == expected).all()))


def _groups(contexts: list[Tokens]) -> Iterator[tuple[list[Tokens], int]]:
    """Split sorted contexts where a common beginning ends; each group with how many tokens all begin with.

    The next context joins a group if that does not cost more tokens than starting another group with it. At least the
    last token of each context is left out, for what follows is read off behind it.
    """
    if not contexts:
        return
    group, shared = contexts[:1], len(contexts[0]) - 1
    for context in contexts[1:]:
        common = _common(group[0], context, min(shared, len(context) - 1))
        if len(group) * common >= (len(group) - 1) * shared:
            group, shared = [*group, context], common
        else:
            yield group, shared if len(group) > 1 else 0
            group, shared = [context], len(context) - 1
    yield group, shared if len(group) > 1 else 0


def _common(first: Tokens, second: Tokens, most: int) -> int:
    """How many tokens, up to `most`, two texts begin with that are worth sharing."""
    pairs = zip(first[:most], second[:most], strict=True)
    common = next((place for place, (a, b) in enumerate(pairs) if a != b), most)
    return common if common >= WORTH_SHARING else 0


def _chunks(items: Sequence[T], size: int) -> Iterator[Sequence[T]]:
    for start in range(0, len(items), size):
        yield items[start : start + size]
