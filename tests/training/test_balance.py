"""Experts in training: what balances them reaches the gradients and the corrections, and their load is told."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from harness.choices.experts.top_k import TopK
from harness.modules.experts.balance import balance_loss, correct, experts_of, routings
from harness.modules.objectives import Batch
from harness.spec import load_spec
from harness.training.balance import CORRECTION_RATE, LOSS_WEIGHT, loads
from harness.training.loop import batch_loss, training_step
from harness.training.recipe import Recipe
from harness.training.start import fresh
from tests.contract.examples import TINY, spec_with

SOFTMAX = spec_with("experts", TopK(num_experts=6, experts_per_token=2, normalised=True))
CORRECTED = spec_with(
    "experts", TopK(num_experts=6, experts_per_token=2, score="sigmoid", normalised=True, correction=True)
)


def batch() -> Batch:
    tokens = torch.randint(TINY.vocab_size, (4, 12), generator=torch.Generator().manual_seed(1))
    return Batch(tokens[:, :-1], tokens[:, 1:])


def still(model: nn.Module) -> torch.optim.Optimizer:
    """Leaves the gradients to look at."""
    return torch.optim.SGD(model.parameters(), lr=0.0)


def test_a_step_follows_cross_entropy_and_balance_and_tells_cross_entropy() -> None:
    model = fresh(SOFTMAX, Recipe(), 0).train()
    entropy = batch_loss(model, batch())
    expected = torch.autograd.grad(
        entropy + LOSS_WEIGHT * balance_loss(routings(model)), [experts.router.weight for experts in experts_of(model)]
    )
    told = training_step(model, still(model), batch(), 0.0)
    assert told == entropy.item()
    for experts, gradient in zip(experts_of(model), expected, strict=True):
        assert torch.equal(experts.router.weight.grad, gradient)
        assert experts.routing is None


def test_a_corrected_router_is_stepped_towards_an_even_load_and_has_no_other_loss() -> None:
    model = fresh(CORRECTED, Recipe(), 0).train()
    entropy = batch_loss(model, batch())
    counts = [routing.load.float() for routing in routings(model)]
    weights = [experts.router.weight for experts in experts_of(model)]
    expected = torch.autograd.grad(entropy, weights)
    training_step(model, still(model), batch(), 0.0)
    for experts, count, gradient in zip(experts_of(model), counts, expected, strict=True):
        assert torch.equal(experts.correction, CORRECTION_RATE * (count.mean() - count).sign())
        assert torch.equal(experts.router.weight.grad, gradient)


def test_corrections_alone_even_the_load() -> None:
    model = fresh(CORRECTED, Recipe(), 0).train()

    def busiest() -> float:
        return max(max(load) for load in loads(model, batch()))

    before = busiest()
    for _ in range(400):
        batch_loss(model, batch())
        for experts in experts_of(model):
            correct(experts, 0.002)
    assert before > 0.2
    assert busiest() < 0.2


def test_loads_are_shares_and_leave_the_model_as_it_was() -> None:
    model = fresh(SOFTMAX, Recipe(), 0).eval()
    found = loads(model, batch())
    assert [len(load) for load in found] == [6] * TINY.num_layers
    assert [sum(load) for load in found] == pytest.approx([1.0] * TINY.num_layers)
    assert not model.training
    assert routings(model) == []
    assert loads(fresh(load_spec("gpt2-small").scaled(hidden_size=24, vocab_size=61), Recipe(), 0), batch()) == []


def test_experts_start_as_wide_as_other_matrices() -> None:
    weights = dict(fresh(SOFTMAX, Recipe(), 0).named_parameters())
    for name in ("gate", "up", "down"):
        weight = weights[f"layers.0.mlp.experts.{name}.weight"]
        assert weight.std().item() == pytest.approx(weight.shape[-1] ** -0.5, rel=0.05)
