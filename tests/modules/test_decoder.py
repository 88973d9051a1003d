"""Embedding, head and attention projections inside small models in float64."""

from __future__ import annotations

from dataclasses import replace

import pytest
import torch
from torch import Tensor

from harness.choices.axes import AXES, Choices
from harness.choices.base import Choice
from harness.errors import HarnessError
from harness.factory import build
from harness.modules.decoder import Decoder
from harness.spec.model import Spec
from tests.contract.examples import TINY, T, lively, spec_with, tokens_for

CLOSE = {"rtol": 0.0, "atol": 1e-10}
"""Different matrix shapes round differently: some 1e-13 in float64."""


def spec_of(**choices: Choice) -> Spec:
    """The tiny model with other choices."""
    (axis, choice), *rest = choices.items()
    spec = spec_with(axis, choice)
    layer: Choices = replace(spec.choices, **dict(rest))
    return replace(spec, choices=layer, blocks={"layer": layer})


def embedding(**options: object) -> Choice:
    choice: Choice = AXES["embedding"]["table"](**options)
    return choice


TIED, UNTIED = AXES["head"]["tied"](), AXES["head"]["untied"]()
LEARNED = AXES["position"]["learned"]()


def gradients(model: Decoder, tokens: Tensor) -> dict[str, Tensor]:
    """Of a loss that weighs every logit differently."""
    model.zero_grad()
    logits = model(tokens)
    weights = torch.randn(logits.shape, generator=torch.Generator().manual_seed(3), dtype=logits.dtype)
    (logits * weights).sum().backward()
    return {name: parameter.grad for name, parameter in model.named_parameters() if parameter.grad is not None}


def with_weights_of(spec: Spec, other: Decoder) -> Decoder:
    model = build(spec, dtype=torch.float64).eval()
    model.load_state_dict(other.state_dict())
    return model


def test_a_gradient_scale_leaves_the_logits() -> None:
    model = lively(spec_of(embedding=embedding()))
    scaled = with_weights_of(spec_of(embedding=embedding(gradient_scale=0.1)), model)
    tokens = tokens_for(model.spec, 2)
    assert torch.equal(scaled(tokens), model(tokens))


def test_a_gradient_scale_scales_the_table_and_nothing_else() -> None:
    """By a half, which is exact in binary; every other gradient is the same bit for bit."""
    model = lively(spec_of(embedding=embedding(), position=LEARNED, head=UNTIED))
    scaled = with_weights_of(spec_of(embedding=embedding(gradient_scale=0.5), position=LEARNED, head=UNTIED), model)
    tokens = tokens_for(model.spec, 2)
    whole, half = gradients(model, tokens), gradients(scaled, tokens)
    table = "embedding.table.weight"
    assert torch.equal(half.pop(table), 0.5 * whole.pop(table))
    assert half.keys() == whole.keys()
    assert all(torch.equal(half[name], whole[name]) for name in whole)


@pytest.mark.parametrize("scale", [0.1, 0.5, 1.0])
def test_a_gradient_scale_does_not_reach_a_tied_head(scale: float) -> None:
    """The untied model with the table as its head tells the gradients of the two paths apart."""
    tied = lively(spec_of(embedding=embedding(gradient_scale=scale), head=TIED))
    weights = {**tied.state_dict(), "head.out.weight": tied.embedding.table.weight.detach()}
    untied = build(spec_of(embedding=embedding(), head=UNTIED), dtype=torch.float64)
    untied.load_state_dict(weights)
    tokens = tokens_for(tied.spec, 2)
    apart, together = gradients(untied, tokens), gradients(tied, tokens)
    expected = scale * apart["embedding.table.weight"] + apart["head.out.weight"]
    torch.testing.assert_close(together["embedding.table.weight"], expected, **CLOSE)


@pytest.mark.parametrize("options", [{}, {"norm": True}, {"scale": 2.0}])
def test_a_vector_of_a_single_one_is_a_token(options: dict[str, object]) -> None:
    model = lively(spec_of(embedding=embedding(**options), position=LEARNED, head=TIED))
    tokens = tokens_for(model.spec, 2)
    vectors = torch.nn.functional.one_hot(tokens, model.spec.dims.vocab_size).double()
    torch.testing.assert_close(model(vectors), model(tokens), **CLOSE)


def test_a_tied_head_is_the_table() -> None:
    model = lively(spec_of(head=TIED))
    tokens = tokens_for(model.spec, 1)
    seen: list[Tensor] = []
    model.final_norm.register_forward_hook(lambda _module, _inputs, out: seen.append(out))
    logits = model(tokens)
    table = model.embedding.table.weight
    torch.testing.assert_close(logits, seen[0] @ table.T, **CLOSE)
    assert not list(model.head.parameters())
    assert sum(parameter is table for parameter in model.parameters()) == 1


@pytest.mark.parametrize("kind", ["layernorm", "rmsnorm"])
def test_an_embedding_norm_stands_between_the_positions_and_the_first_block(kind: str) -> None:
    norm = AXES["norm"][kind](eps=1e-5)
    model = lively(spec_of(embedding=embedding(norm=True), position=LEARNED, norm=norm))
    tokens = tokens_for(model.spec, 2)
    seen: list[Tensor] = []
    model.layers[0].register_forward_pre_hook(lambda _module, inputs: seen.append(inputs[0]))
    model(tokens)
    x = model.embedding.table.weight[tokens] + model.positions[0].table.weight[:T]
    centred = x - x.mean(-1, keepdim=True) if kind == "layernorm" else x
    expected = centred / (centred.square().mean(-1, keepdim=True) + 1e-5).sqrt() * model.embedding.norm.weight
    expected = expected + (model.embedding.norm.bias if kind == "layernorm" else 0)
    torch.testing.assert_close(seen[0], expected, **CLOSE)


def attention(**options: object) -> Choice:
    choice: Choice = AXES["mixer"]["softmax"](**{"num_heads": 4, "bias": True, **options})
    return choice


@pytest.mark.parametrize("kv_heads", [1, 2, 4])
def test_heads_that_share_keys_and_values_are_heads_with_copies_of_them(kv_heads: int) -> None:
    grouped = lively(spec_of(mixer=attention(num_kv_heads=kv_heads)))
    channels, group = TINY.hidden_size // 4, 4 // kv_heads
    state = grouped.state_dict()
    for name in [name for name in state if ".key." in name or ".value." in name]:
        by_head = state[name].unflatten(0, (kv_heads, channels))
        state[name] = by_head.repeat_interleave(group, dim=0).flatten(0, 1)
    multi_head = build(spec_of(mixer=attention()), dtype=torch.float64)
    multi_head.load_state_dict(state)
    tokens = tokens_for(grouped.spec, 2)
    torch.testing.assert_close(grouped(tokens), multi_head(tokens), **CLOSE)


def test_learned_positions_end_with_their_table() -> None:
    model = build(spec_of(position=LEARNED))
    rows = TINY.max_seq_len
    assert model(tokens_for(model.spec, 1, rows)).shape[1] == rows
    with pytest.raises(HarnessError, match=f"learned positions for {rows} tokens; the sequence has {rows + 1}"):
        model(tokens_for(model.spec, 1, rows + 1))


def test_learned_positions_end_behind_a_cache_too() -> None:
    model = build(spec_of(position=LEARNED))
    cache = model.new_cache()
    model(tokens_for(model.spec, 1, TINY.max_seq_len), cache=cache)
    with pytest.raises(HarnessError, match=f"the sequence has {TINY.max_seq_len + 1}"):
        model(tokens_for(model.spec, 1, 1), cache=cache)


@pytest.mark.parametrize("position", ["rope", "alibi", "none"])
def test_other_positions_do_not_end(position: str) -> None:
    options = {"theta": 10000} if position == "rope" else {}
    model = build(spec_of(position=AXES["position"][position](**options)))
    assert model(tokens_for(model.spec, 1, 2 * TINY.max_seq_len)).isfinite().all()


@pytest.mark.parametrize("position", ["rope", "learned"])
def test_given_ids_take_the_place_of_the_places(position: str) -> None:
    options = {"theta": 10000} if position == "rope" else {}
    model = lively(spec_of(position=AXES["position"][position](**options)))
    tokens, ids = tokens_for(model.spec, 2), torch.arange(T)
    assert torch.equal(model(tokens, position_ids=ids), model(tokens))
    assert torch.equal(model(tokens, position_ids=ids.expand(2, T)), model(tokens))
    assert not torch.equal(model(tokens, position_ids=ids.flip(0)), model(tokens))
