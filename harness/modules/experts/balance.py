"""What keeps the load of experts even in training.

A loss: Fedus et al. 2021, https://arxiv.org/abs/2101.03961, section 2.2; or, where a router has a correction, steps of
that, which no gradient reaches: Wang et al. 2024, https://arxiv.org/abs/2408.15664, as DeepSeek-V3 is trained.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

from harness.modules.experts.top_k import Routing, TopKExperts


def experts_of(model: nn.Module) -> list[TopKExperts]:
    """The experts of each layer that has some."""
    return [module for module in model.modules() if isinstance(module, TopKExperts)]


def routings(model: nn.Module) -> list[Routing]:
    """Where tokens went in the last pass in training mode, of each layer with experts."""
    return [module.routing for module in experts_of(model) if module.routing is not None]


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


@torch.no_grad()
def correct(experts: TopKExperts, rate: float) -> None:
    """Move the correction of a router by `rate`: up where an expert got fewer tokens than the mean, down where more."""
    assert experts.correction is not None
    assert experts.routing is not None
    load = experts.routing.load.to(experts.correction.dtype)
    experts.correction.add_((load.mean() - load).sign(), alpha=rate)
