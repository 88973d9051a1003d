"""Which tokens decide which outputs of a whole model, found by the gradients of the outputs."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from harness.behaviours import Fact, behaviours, small_model
from harness.spec.model import Spec

if TYPE_CHECKING:
    from torch import Tensor

TOKENS, CONTEXT = 9, 4


def seen(spec: Spec, context: int) -> Tensor:
    """Whether the output at each place depends on the token at each other, [T, T], with so many tokens of context."""
    import torch
    from torch.nn.functional import one_hot

    model, places = small_model(spec), torch.arange(TOKENS)
    vocab_size = model.spec.dims.vocab_size
    # The same text once for each place, so that one pass back gives the gradients of all of them.
    x = one_hot(places, vocab_size).double().repeat(TOKENS, 1, 1).requires_grad_()
    logits = model(x, context=context)[places, places]
    weights = torch.linspace(-1, 1, vocab_size, dtype=logits.dtype)  # a plain sum of logits may hide a change
    (gradient,) = torch.autograd.grad((logits @ weights).sum(), x)
    return gradient.abs().sum(-1) > 0


@behaviours.register("causal")
def causal(spec: Spec) -> Fact:
    """Without context, an output depends on its own token, and on none behind it."""
    found = seen(spec, 0)
    return bool(found.diagonal().all()) and not bool(found.triu(1).any())


@behaviours.register("context_sees_itself_alone")
def context_sees_itself_alone(spec: Spec) -> Fact:
    """Outputs of the context depend on all of it, in both directions, and on nothing behind it."""
    found = seen(spec, CONTEXT)[:CONTEXT]
    return bool(found[:, :CONTEXT].all()) and not bool(found[:, CONTEXT:].any())


@behaviours.register("rest_sees_all_before")
def rest_sees_all_before(spec: Spec) -> Fact:
    """Outputs behind the context depend on all of it and on what comes before them, and on nothing later."""
    found = seen(spec, CONTEXT)[CONTEXT:]
    return bool((found == found.new_ones(TOKENS, TOKENS).tril()[CONTEXT:]).all())


@behaviours.register("attentions_a_layer")
def attentions_a_layer(spec: Spec) -> Fact:
    """How many attentions a layer has: one of a decoder that attends to nothing but its own sequence."""
    from harness.modules.mixers.softmax import AttentionLayer

    is_attention: Callable[[object], bool] = lambda module: isinstance(module, AttentionLayer)  # noqa: E731
    return max(sum(map(is_attention, layer.modules())) for layer in small_model(spec).layers)
