"""Experts against the formulas of the papers, token by token, and the loss that balances them against another code."""

from __future__ import annotations

import math

import pytest
import torch
from torch import Tensor
from torch.nn.functional import silu
from transformers.models.mixtral.modeling_mixtral import load_balancing_loss_func

from harness.choices.experts.top_k import TopK
from harness.factory import build
from harness.modules.experts.balance import balance_loss, routings
from harness.modules.experts.top_k import TopKExperts
from tests.contract.examples import TINY, lively, spec_with, tokens_for

X = torch.randn(2, 9, TINY.hidden_size, generator=torch.Generator().manual_seed(4), dtype=torch.float64)

CHOICES = {
    "softmax": TopK(num_experts=6, experts_per_token=2, normalised=True),
    "not normalised": TopK(num_experts=6, experts_per_token=3, normalised=False, scale=2.5, bias=True),
    "sigmoid": TopK(num_experts=6, experts_per_token=2, score="sigmoid", normalised=True, correction=True),
    "shared": TopK(num_experts=6, experts_per_token=2, normalised=True, shared_size=20),
    "shared, gated": TopK(num_experts=6, experts_per_token=2, normalised=True, shared_size=20, shared_gate=True),
    "best groups": TopK(
        num_experts=6, experts_per_token=2, normalised=False, groups=3, groups_per_token=1, group_score="best"
    ),
    "best two of a group": TopK(
        num_experts=6,
        experts_per_token=3,
        score="sigmoid",
        normalised=True,
        correction=True,
        groups=3,
        groups_per_token=2,
        group_score="best_two",
    ),
    "weighted input": TopK(
        num_experts=6, experts_per_token=1, score="sigmoid", normalised=False, weighted_input=True, shared_size=20
    ),
}


def experts_of(choice: TopK) -> TopKExperts:
    model = lively(spec_with("experts", choice))
    module = model.layers[0].mlp
    assert isinstance(module, TopKExperts)
    if module.correction is not None:
        module.correction.copy_(torch.tensor([0.3, -0.2, 0.1, 0.5, -0.4, 0.0]))
    return module


def written_out(choice: TopK, module: TopKExperts, token: Tensor) -> Tensor:
    """One token, [D] -> [D]."""
    of = dict(module.named_parameters())
    logits = of["router.weight"] @ token + (of["router.bias"] if choice.bias else 0)
    scores = logits.sigmoid() if choice.score == "sigmoid" else logits.exp() / logits.exp().sum()
    by = scores if module.correction is None else scores + module.correction
    if choice.groups:
        groups = [list(group) for group in by.chunk(choice.groups)]
        count = 2 if choice.group_score == "best_two" else 1
        worth = [sum(sorted(group, reverse=True)[:count]) for group in groups]
        best = sorted(range(choice.groups), key=lambda group: -worth[group])[: choice.groups_per_token]
        size = choice.num_experts // choice.groups
        by = torch.stack([by[e] if e // size in best else torch.tensor(-math.inf) for e in range(choice.num_experts)])
    chosen = sorted(range(choice.num_experts), key=lambda expert: -by[expert])[: choice.experts_per_token]
    whole = sum(scores[expert] for expert in chosen) if choice.normalised else 1.0
    out = torch.zeros_like(token)
    for expert in chosen:
        weight = choice.scale * scores[expert] / whole
        given = weight * token if choice.weighted_input else token
        up, gate = of["experts.up.weight"][expert] @ given, of["experts.gate.weight"][expert] @ given
        made = of["experts.down.weight"][expert] @ (silu(gate) * up)
        out = out + (made if choice.weighted_input else weight * made)
    if choice.shared_size:
        inner = silu(of["shared.gate.weight"] @ token) * (of["shared.up.weight"] @ token)
        share = (of["shared_gate.weight"] @ token).sigmoid() if choice.shared_gate else 1.0
        out = out + share * (of["shared.down.weight"] @ inner)
    return out


@pytest.mark.parametrize("name", CHOICES)
def test_each_token_is_computed_as_written_out(name: str) -> None:
    choice, module = CHOICES[name], experts_of(CHOICES[name])
    with torch.no_grad():
        expected = torch.stack([torch.stack([written_out(choice, module, token) for token in row]) for row in X])
        torch.testing.assert_close(module(X), expected, rtol=0.0, atol=1e-10)
        torch.testing.assert_close(module(X[:1, :1]), expected[:1, :1], rtol=0.0, atol=1e-10)


def test_a_step_reads_only_the_experts_that_it_uses() -> None:
    """The others may hold anything."""
    module = experts_of(CHOICES["softmax"])
    with torch.no_grad():
        expected = module(X[:1, :1])
        module.train()(X[:1, :1])
        (found,) = routings(module)
        idle = [expert for expert in range(6) if expert not in found.chosen.tolist()[0]]
        for name, parameter in module.experts.named_parameters():
            parameter[idle] = math.nan
            assert len(idle) == 4, name
        assert torch.equal(module(X[:1, :1]), expected)


def test_the_load_is_what_was_chosen() -> None:
    module = experts_of(CHOICES["not normalised"]).train()
    module(X)
    (found,) = routings(module)
    assert found.load.tolist() == [int((found.chosen == expert).sum()) for expert in range(6)]
    assert found.load.sum() == 18 * 3


def test_the_loss_is_that_of_the_reference() -> None:
    model = build(spec_with("experts", CHOICES["softmax"]))
    model.train()(tokens_for(model.spec, 2))
    found = routings(model)
    logits = tuple(routing.scores.log() for routing in found)  # a softmax of which gives the scores again
    expected = load_balancing_loss_func(logits, num_experts=6, top_k=2)
    assert len(found) == TINY.num_layers
    assert torch.isclose(balance_loss(found), expected)


def test_no_routing_is_kept_outside_training() -> None:
    model = build(spec_with("experts", CHOICES["softmax"]))
    assert model.eval()(tokens_for(model.spec, 1)).isfinite().all()
    assert routings(model) == []
