"""Mixture of experts, a few for each token."""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from harness.choices.axes import Choices
from harness.choices.base import Dims
from harness.choices.experts.top_k import TopK
from harness.modules import computed_by, computes
from harness.modules.kernels.products import product
from harness.modules.layers import INIT_STD, Linear, draw
from harness.modules.mlps import ActivatedMLP
from harness.modules.step import LayerStep

NEAR = 0.02
"""SparseMixer takes part of experts whose logit is no further from the highest, as a share: twice the jitter of 0.01 of
Phi-3.5-MoE's release."""


class StackedLinear(nn.Module):
    """The matrices of one product in every expert, [E, out, in], and their biases, [E, out]."""

    def __init__(self, count: int, d_in: int, d_out: int, bias: bool) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.empty(count, d_out, d_in))
        self.bias = nn.Parameter(torch.empty(count, d_out)) if bias else None

    def start(self, generator: torch.Generator) -> None:
        """As other matrices; see `harness.factory.initialise`."""
        draw(self.weight, INIT_STD, generator)

    def each(self) -> list[tuple[Tensor, Tensor | None]]:
        """Matrix and bias of every expert. Cut at once: the gradients of so many cuts would each be as large as all."""
        weights = self.weight.unbind()
        return list(zip(weights, self.bias.unbind() if self.bias is not None else [None] * len(weights), strict=True))


@dataclass(frozen=True)
class Routing:
    """Where the tokens of one pass went.

    Attributes:
        scores: of all experts for each token, before any choice, [R, E].
        chosen: numbers of the experts that a token goes through, [R, k].
    """

    scores: Tensor
    chosen: Tensor

    @property
    def load(self) -> Tensor:
        """Tokens that each expert got, [E]."""
        return self.chosen.flatten().bincount(minlength=self.scores.shape[1])


@computes(TopK)
class TopKExperts(nn.Module):
    """Adds up what the chosen experts, and the one that is shared, make of each token.

    Attributes:
        routing: of the last pass in training mode, for a loss that balances the load.
    """

    correction: Tensor | None

    def __init__(self, experts: TopK, dims: Dims, choices: Choices) -> None:
        super().__init__()
        self.choice = experts
        self.router = Linear(dims.hidden_size, experts.num_experts, experts.bias)
        self.register_buffer("correction", torch.empty(experts.num_experts) if experts.correction else None)

        def stacked(d_in: int, d_out: int, bias: bool) -> StackedLinear:
            return StackedLinear(experts.num_experts, d_in, d_out, bias)

        self.experts = computed_by(choices.mlp)(choices.mlp, dims, stacked)
        shared = experts.shared(choices)
        self.shared = computed_by(shared)(shared, dims) if shared else None
        self.shared_gate = Linear(dims.hidden_size, 1, bias=False) if experts.shared_gate else None
        self.routing: Routing | None = None

    def start(self, generator: torch.Generator) -> None:
        """Nothing is corrected yet."""
        if self.correction is not None:
            nn.init.zeros_(self.correction)

    def forward(self, x: Tensor, step: LayerStep | None = None) -> Tensor:
        """[B, T, D] -> [B, T, D]."""
        rows = x.flatten(0, 1)
        weights, chosen = self._routed(self.router(rows))
        out = self._through_all(rows, weights.to(x.dtype), chosen)
        if self.shared is not None:
            every = self.shared(rows)
            out = out + (every if self.shared_gate is None else self.shared_gate(rows).sigmoid() * every)
        return out.view_as(x)

    def _routed(self, logits: Tensor) -> tuple[Tensor, Tensor]:
        """Weights and numbers of the experts that each token goes through, [R, k], from logits, [R, E]."""
        choice, precise = self.choice, logits if logits.dtype == torch.float64 else logits.float()
        scores = precise.sigmoid() if choice.score == "sigmoid" else precise.softmax(-1)
        if choice.score == "sparsemixer":
            weights, chosen = _sparsemixed(precise)
        elif self.correction is None and choice.groups is None:
            weights, chosen = scores.topk(choice.experts_per_token)
        else:
            chosen = self._allowed(scores).topk(choice.experts_per_token).indices
            weights = scores.gather(-1, chosen)
        if self.training:
            self.routing = Routing(scores, chosen)
        if choice.normalised:
            weights = weights / weights.sum(-1, keepdim=True)
        return weights if choice.scale == 1.0 else weights * choice.scale, chosen

    def _allowed(self, scores: Tensor) -> Tensor:
        """What is chosen by, [R, E]: scores with their correction, and none outside the groups of a token."""
        choice = self.choice
        if self.correction is not None:
            scores = scores + self.correction
        if choice.groups is None or choice.groups_per_token is None:
            return scores
        grouped = torch.unflatten(scores, -1, (choice.groups, -1))  # [R, groups, E / groups]
        best = grouped.topk(2 if choice.group_score == "best_two" else 1).values.sum(-1)
        chosen = best.topk(choice.groups_per_token).indices
        outside = torch.ones_like(best).scatter(-1, chosen, 0.0) > 0
        return grouped.masked_fill(outside[..., None], -math.inf).flatten(1)

    def _through_all(self, rows: Tensor, weights: Tensor, chosen: Tensor) -> Tensor:
        """The weighted sum of what the chosen experts give, [R, D]; an expert computes all its tokens at once."""
        k = self.choice.experts_per_token
        one = _Expert(self.experts)
        if rows.device.type == "meta":  # which experts is not known, how many is
            out = one(0, _weighted(rows.repeat_interleave(k, 0), weights.flatten(), self.choice.weighted_input))
            return torch.unflatten(out * weights.flatten()[:, None], 0, (-1, k)).sum(1)
        order = chosen.flatten().argsort(stable=True)
        token = order // k
        weight = weights.flatten()[order]
        counts = chosen.flatten().bincount(minlength=self.choice.num_experts).tolist()
        used = [expert for expert, count in enumerate(counts) if count]
        given = _weighted(rows[token], weight, self.choice.weighted_input)
        parts = torch.split(given, [counts[expert] for expert in used])
        out = torch.cat([one(expert, part) for expert, part in zip(used, parts, strict=True)])
        if not self.choice.weighted_input:
            out = out * weight[:, None]
        return torch.zeros_like(rows).index_add(0, token, out)


def _weighted(rows: Tensor, weights: Tensor, is_weighted: bool) -> Tensor:
    return rows * weights[:, None] if is_weighted else rows


class _Expert:
    """Any one of the networks that a stacked one is made of."""

    def __init__(self, stacked: ActivatedMLP) -> None:
        self.stacked = stacked
        self.gate, self.up, self.down = (
            linear.each() if isinstance(linear, StackedLinear) else None
            for linear in (stacked.gate, stacked.up, stacked.down)
        )

    def __call__(self, number: int, rows: Tensor) -> Tensor:
        """What the expert of this number makes of its tokens, [r, D] -> [r, D]."""
        assert self.up is not None
        assert self.down is not None
        up = product(rows, *self.up[number])
        if self.gate is None:
            inner = self.stacked.activation(up)
        else:
            inner = self.stacked.joined(product(rows, *self.gate[number]), up)
        return self.stacked.finished(product(inner, *self.down[number]))


def _sparsemixed(logits: Tensor) -> tuple[Tensor, Tensor]:
    """Weights and numbers of two experts, [R, 2]: each the highest of a softmax over those that come near it.

    Liu et al. 2023, https://arxiv.org/abs/2310.00811, as the release of Phi-3.5-MoE decides without its noise.
    """
    weights, chosen, left = [], [], logits
    for _ in range(2):
        highest, number = left.max(-1, keepdim=True)
        far = (highest - logits) / logits.abs().maximum(highest) > NEAR
        weights.append(left.masked_fill(far, -math.inf).softmax(-1).gather(-1, number))
        chosen.append(number)
        left = left.scatter(-1, number, -math.inf)
    return torch.cat(weights, -1), torch.cat(chosen, -1)
