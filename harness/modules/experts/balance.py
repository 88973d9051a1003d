"""A loss that keeps the load of experts even: Fedus et al. 2021, https://arxiv.org/abs/2101.03961, section 2.2"""

from __future__ import annotations

import torch
from torch import Tensor, nn

from harness.modules.experts.top_k import Routing, TopKExperts


def routings(model: nn.Module) -> list[Routing]:
    """Where tokens went in the last pass in training mode, of each layer with experts."""
    experts = (module for module in model.modules() if isinstance(module, TopKExperts))
    return [module.routing for module in experts if module.routing is not None]


def balance_loss(found: list[Routing]) -> Tensor:
    """E sum_e f_e P_e over all layers: f_e how often a token chose expert e, P_e the mean score of e, as a share.

    It is k where all experts get as many tokens. For layers with the same number of experts, as Mixtral's release has
    it; a token's scores are taken as shares of their sum, which those of a softmax are.
    """
    scores = torch.cat([routing.scores / routing.scores.sum(-1, keepdim=True) for routing in found])
    chosen = torch.cat([routing.chosen for routing in found])
    count = int(scores.shape[1])
    often = chosen.flatten().bincount(minlength=count) / len(chosen)
    return count * (often * scores.mean(0)).sum()
