"""Continuing sequences over a cache: greedily, or by drawing from the distribution of the next token."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

import torch
from torch import Tensor

from harness.errors import HarnessError

if TYPE_CHECKING:
    from harness.modules.decoder import Decoder


@torch.no_grad()
def generate(
    model: Decoder,
    input_ids: Tensor,
    max_new_tokens: int,
    *,
    temperature: float = 0.0,
    top_k: int | None = None,
    top_p: float | None = None,
    stop: int | None = None,
    until: Callable[[Tensor], Tensor] | None = None,
    padding: Tensor | None = None,
    context: int | Tensor | None = None,
    seed: int = 0,
) -> Tensor:
    """Append tokens to every sequence of a batch.

    Args:
        model: what predicts the next token.
        input_ids: tokens, [B, T]; shorter sequences stand behind padding on their left.
        max_new_tokens: how many tokens to append at most.
        temperature: 0 takes the likeliest token; otherwise logits are divided by it and a token is drawn.
        top_k: draw from the k likeliest tokens only.
        top_p: draw from the likeliest tokens whose probabilities add up to p (Holtzman et al. 2020,
            https://arxiv.org/abs/1904.09751).
        stop: a token behind which a sequence ends; what follows is this token again.
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
    _check(temperature, top_k, top_p)
    generator = torch.Generator(input_ids.device).manual_seed(seed)
    cache = model.new_cache(padding, capacity=input_ids.shape[1] + max_new_tokens - 1)  # the last is not read again
    ended = torch.zeros(len(input_ids), dtype=torch.bool, device=input_ids.device)
    tokens, fresh = input_ids, input_ids
    for _ in range(max_new_tokens):
        logits = model(fresh, cache=cache, context=context, last=1)[:, -1]
        fresh = _drawn(logits, temperature, top_k, top_p, generator)
        if stop is not None:
            fresh = fresh.masked_fill(ended, stop)
            ended = ended | (fresh == stop)
        fresh = fresh[:, None]
        tokens = torch.cat((tokens, fresh), dim=1)
        if until is not None:
            ended = ended | until(tokens[:, input_ids.shape[1] :])
        if bool(ended.all()):
            break
    return tokens


def _drawn(
    logits: Tensor, temperature: float, top_k: int | None, top_p: float | None, generator: torch.Generator
) -> Tensor:
    """One token a sequence, [B, V] -> [B]."""
    if temperature == 0:
        return logits.argmax(-1)
    logits = logits / temperature
    if top_k is not None:
        smallest = logits.topk(min(top_k, logits.shape[-1])).values[:, -1:]
        logits = logits.masked_fill(logits < smallest, float("-inf"))
    if top_p is not None:
        ordered, order = logits.softmax(-1).sort(descending=True)
        before = ordered.cumsum(-1) - ordered  # the likeliest token is always kept
        dropped = torch.zeros_like(before, dtype=torch.bool).scatter(-1, order, before >= top_p)
        logits = logits.masked_fill(dropped, float("-inf"))
    return torch.multinomial(logits.softmax(-1), 1, generator=generator)[:, 0]


def _check(temperature: float, top_k: int | None, top_p: float | None) -> None:
    if temperature < 0:
        raise HarnessError(f"temperature: found {temperature}, expected 0 or more")
    if top_k is not None and top_k < 1:
        raise HarnessError(f"top_k: found {top_k}, expected a whole number above 0")
    if top_p is not None and not 0 < top_p <= 1:
        raise HarnessError(f"top_p: found {top_p}, expected a number above 0 and up to 1")
