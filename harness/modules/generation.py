"""Continuing sequences over a cache: greedily, or by drawing from the distribution of the next token."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor

from harness.errors import HarnessError

if TYPE_CHECKING:
    from harness.modules.decoder import Decoder

ALLOWED: dict[str, tuple[Callable[[Any], bool], str]] = {
    "max_new_tokens": (lambda n: type(n) is int and n >= 0, "a whole number from 0 on"),
    "temperature": (lambda t: t >= 0, "a number from 0 on"),
    "top_k": (lambda k: type(k) is int and k >= -1, "a whole number above 0, or 0 or -1 for no limit"),
    "top_p": (lambda p: 0 < p <= 1, "a number above 0 and up to 1"),
    "min_p": (lambda p: 0 <= p <= 1, "a number from 0 to 1"),
    "repetition_penalty": (lambda r: r > 0, "a number above 0"),
    "no_repeat_ngram_size": (lambda n: type(n) is int and n >= 0, "a whole number from 0 on"),
}
"""Which values an option may have, and the same in words."""


@torch.no_grad()
def generate(
    model: Decoder,
    input_ids: Tensor,
    max_new_tokens: int,
    *,
    temperature: float = 0.0,
    top_k: int | None = None,
    top_p: float | None = None,
    min_p: float | None = None,
    repetition_penalty: float | None = None,
    no_repeat_ngram_size: int | None = None,
    stop: int | Sequence[int] | None = None,
    until: Callable[[Tensor], Tensor] | None = None,
    padding: Tensor | None = None,
    context: int | Tensor | None = None,
    seed: int = 0,
) -> Tensor:
    """Append tokens to every sequence of a batch.

    Options are named and computed as in transformers, `generation/logits_process.py` there; None asks for nothing.

    Args:
        model: what predicts the next token.
        input_ids: tokens, [B, T]; shorter sequences stand behind padding on their left.
        max_new_tokens: how many tokens to append at most.
        temperature: 0 takes the likeliest token; otherwise logits are divided by it and a token is drawn.
        top_k: draw from the k likeliest tokens only; 0 and -1 are no limit.
        top_p: draw from the likeliest tokens whose probabilities add up to p (Holtzman et al. 2020,
            https://arxiv.org/abs/1904.09751); 1 is no limit.
        min_p: draw from tokens only that are at least p times as likely as the likeliest (Nguyen et al. 2024,
            https://arxiv.org/abs/2407.01082).
        repetition_penalty: what the logits of tokens in the sequence so far are divided by, or multiplied where they
            are negative (Keskar et al. 2019, https://arxiv.org/abs/1909.05858).
        no_repeat_ngram_size: no run of so many tokens comes twice in a sequence; 0 is no limit.
        stop: a token behind which a sequence ends, or several; what follows is the first of them again and again.
        until: told what was appended so far, [B, n], says which sequences end with it, [B].
        padding: how many tokens of padding stand in front of each sequence, [B].
        context: how many leading tokens of each sequence a prefix pattern reads in both directions; left out, as the
            tokens of a checkpoint say, or none.
        seed: of the draws.

    Returns:
        The tokens with what was appended, [B, T + at most max_new_tokens].

    Raises:
        HarnessError: an option lies outside its range, the model cannot compute sequences of that length, or a
            checkpoint does not find the context that it reads.
    """
    _check(
        max_new_tokens=max_new_tokens,
        temperature=temperature,
        top_k=top_k,
        top_p=top_p,
        min_p=min_p,
        repetition_penalty=repetition_penalty,
        no_repeat_ngram_size=no_repeat_ngram_size,
    )
    generator = torch.Generator(input_ids.device).manual_seed(seed)
    cache = model.new_cache(padding, capacity=input_ids.shape[1] + max_new_tokens - 1)  # the last is not read again
    ended = torch.zeros(len(input_ids), dtype=torch.bool, device=input_ids.device)
    ends = torch.tensor([stop] if isinstance(stop, int) else list(stop or ()), device=input_ids.device)
    tokens, fresh = input_ids, input_ids
    for _ in range(max_new_tokens):
        logits = model(fresh, cache=cache, context=context, last=1)[:, -1]
        if repetition_penalty is not None and repetition_penalty != 1:
            logits = _penalised(logits, tokens, padding, repetition_penalty)
        if no_repeat_ngram_size:
            logits = _without_repeats(logits, tokens, padding, no_repeat_ngram_size)
        fresh = _drawn(logits, temperature, top_k, top_p, min_p, generator)
        if len(ends):
            fresh = torch.where(ended, ends[0], fresh)
            ended = ended | torch.isin(fresh, ends)
        fresh = fresh[:, None]
        tokens = torch.cat((tokens, fresh), dim=1)
        if until is not None:
            ended = ended | until(tokens[:, input_ids.shape[1] :])
        if bool(ended.all()):
            break
    return tokens


def _penalised(logits: Tensor, tokens: Tensor, padding: Tensor | None, penalty: float) -> Tensor:
    """Logits, [B, V], that are lower for tokens which each sequence, [B, S], holds behind its padding."""
    if padding is not None:  # no token of its own: the last one, which is there anyway
        columns = torch.arange(tokens.shape[1], device=tokens.device)
        tokens = torch.where(columns < padding[:, None], tokens[:, -1:], tokens)
    held = torch.zeros_like(logits, dtype=torch.bool).scatter(1, tokens, True)
    return torch.where(held, torch.where(logits < 0, logits * penalty, logits / penalty), logits)


def _without_repeats(logits: Tensor, tokens: Tensor, padding: Tensor | None, size: int) -> Tensor:
    """Logits, [B, V], of minus infinity for tokens that would end a run of `size` tokens which is there already."""
    if tokens.shape[1] < size:
        return logits
    runs = tokens.unfold(1, size, 1)  # [B, W, size]
    begun = tokens[:, tokens.shape[1] - (size - 1) :]  # what a next token would complete, [B, size - 1]
    alike = (runs[..., :-1] == begun[:, None]).all(-1)  # [B, W]
    if padding is not None:
        alike &= torch.arange(runs.shape[1], device=tokens.device) >= padding[:, None]
    row, run = alike.nonzero(as_tuple=True)
    return logits.index_put((row, runs[row, run, -1]), logits.new_tensor(float("-inf")))


def _drawn(
    logits: Tensor,
    temperature: float,
    top_k: int | None,
    top_p: float | None,
    min_p: float | None,
    generator: torch.Generator,
) -> Tensor:
    """One token a sequence, [B, V] -> [B]."""
    if temperature < torch.finfo(logits.dtype).tiny:  # 0, or no number to divide by
        return logits.argmax(-1)
    logits = (logits - logits.amax(-1, keepdim=True)) / temperature  # the largest stays 0, however cold it is
    if top_k is not None and top_k > 0:
        smallest = logits.topk(min(top_k, logits.shape[-1])).values[:, -1:]
        logits = logits.masked_fill(logits < smallest, float("-inf"))
    if top_p is not None:
        ordered, order = logits.softmax(-1).sort(descending=True)
        before = ordered.cumsum(-1) - ordered  # the likeliest token is always kept
        dropped = torch.zeros_like(before, dtype=torch.bool).scatter(-1, order, before >= top_p)
        logits = logits.masked_fill(dropped, float("-inf"))
    if min_p is not None:
        probabilities = logits.softmax(-1)
        logits = logits.masked_fill(probabilities < min_p * probabilities.amax(-1, keepdim=True), float("-inf"))
    return torch.multinomial(logits.softmax(-1), 1, generator=generator)[:, 0]


def _check(**options: Any) -> None:
    """Refuse a value of another type or outside the range of an option; None is always allowed."""
    for name, value in options.items():
        allowed, expected = ALLOWED[name]
        number = isinstance(value, int | float) and not isinstance(value, bool)
        if value is not None and not (number and allowed(value)):
            raise HarnessError(f"{name}: found {value!r}, expected {expected}")
