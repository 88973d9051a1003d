"""The load of experts in training: kept even as the releases keep it, and told."""

from __future__ import annotations

import torch
from torch import Tensor

from harness.modules.decoder import Decoder
from harness.modules.experts.balance import balance_loss, correct, experts_of, routings
from harness.modules.objectives import Batch

LOSS_WEIGHT = 0.01
"""Of the loss that balances, as in Fedus et al. 2021; releases have 0.001 (Qwen3) to 0.02 (Mixtral)."""
CORRECTION_RATE = 1e-3
"""A step of a router's correction, as in DeepSeek-V3, https://arxiv.org/abs/2412.19437, section 4.2"""


def balancing_loss(model: Decoder) -> Tensor | float:
    """What is added to the loss of the batch just computed: nothing without experts, or where routers are corrected."""
    found = [experts.routing for experts in experts_of(model) if experts.correction is None and experts.routing]
    return LOSS_WEIGHT * balance_loss(found) if found else 0.0


def rebalance(model: Decoder) -> None:
    """Behind a step of the optimiser: step the corrections of routers that have one, and forget where tokens went."""
    for experts in experts_of(model):
        if experts.correction is not None:
            correct(experts, CORRECTION_RATE)
        experts.routing = None  # it holds on to the graph of the step


@torch.no_grad()
def loads(model: Decoder, batch: Batch) -> list[list[float]]:
    """The share of a batch's routed tokens that each expert gets, of each layer with experts; together 1."""
    was_training = model.training
    model.train()
    try:
        model(batch.input_ids, context=batch.context, position_ids=batch.position_ids)
        return [(routing.load.double() / routing.chosen.numel()).tolist() for routing in routings(model)]
    finally:
        model.train(was_training)
        for experts in experts_of(model):
            experts.routing = None
