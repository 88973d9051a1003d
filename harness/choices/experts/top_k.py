"""Mixture of experts, a few for each token: Shazeer et al. 2017, https://arxiv.org/abs/1701.06538"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Annotated, Literal

from pydantic import Field, PositiveFloat, PositiveInt

from harness.choices.base import Dims, Linear, Scaling, Source, no, unset
from harness.choices.experts import Experts, experts
from harness.choices.mlps import MLP, ActivatedMLP

if TYPE_CHECKING:
    from harness.choices.axes import Choices

FEW = 8
"""Experts that a small model has at most."""


@experts.register("top_k")
class TopK(Experts):
    """A router gives each expert a score for each token; the token goes through the k experts of the highest.

    What they give is added up, weighted by their scores. Each expert is a network such as the axis `mlp` says.

    Attributes:
        num_experts: E.
        experts_per_token: k.
        score: what is made of the router's logits: a softmax over all experts, a sigmoid of each; or, for two experts
            a token, SparseMixer's (Phi-3.5-MoE): of each of two picks a softmax over the experts that come near it.
        normalised: whether the weights of the chosen are divided by their sum. With softmax that is a softmax over
            the chosen alone (Mixtral, gpt-oss).
        scale: what the weights are multiplied by in the end (DeepSeek-V2).
        correction: whether to each score a number is added for the choice alone, which balances the load and is no
            trained parameter (DeepSeek-V3).
        groups: if given, experts stand in so many groups, and a token chooses groups first (DeepSeek-V2).
        groups_per_token: how many it chooses.
        group_score: by what: the best expert of a group, or the sum of its best two (DeepSeek-V3).
        bias: whether the router has a bias (gpt-oss).
        shared_size: if given, the width of one more network of the same kind that every token goes through.
        shared_gate: whether what that gives is weighted by a sigmoid of a product with the token (Qwen2-MoE).
        weighted_input: whether a weight multiplies what goes into an expert, not what comes out (Llama 4).
    """

    kind = "top_k"
    source = Source(
        "Outrageously Large Neural Networks: The Sparsely-Gated Mixture-of-Experts Layer",
        "https://arxiv.org/abs/1701.06538",
    )

    num_experts: PositiveInt
    experts_per_token: PositiveInt
    score: Literal["softmax", "sigmoid", "sparsemixer"] = "softmax"
    normalised: bool
    scale: PositiveFloat = 1.0
    correction: Annotated[bool, Field(exclude_if=no)] = False
    groups: Annotated[PositiveInt | None, Field(exclude_if=unset)] = None
    groups_per_token: Annotated[PositiveInt | None, Field(exclude_if=unset)] = None
    group_score: Annotated[Literal["best", "best_two"] | None, Field(exclude_if=unset)] = None
    bias: Annotated[bool, Field(exclude_if=no)] = False
    shared_size: Annotated[PositiveInt | None, Field(exclude_if=unset)] = None
    shared_gate: Annotated[bool, Field(exclude_if=no)] = False
    weighted_input: Annotated[bool, Field(exclude_if=no)] = False

    def router(self, dims: Dims) -> Linear:
        """The product that gives each expert a logit."""
        return Linear(dims.hidden_size, self.num_experts, self.bias)

    def shared(self, layer: Choices) -> MLP | None:
        """The network that every token goes through."""
        return layer.mlp.model_copy(update={"intermediate_size": self.shared_size}) if self.shared_size else None

    def params(self, dims: Dims, layer: Choices) -> int:
        """Those of E experts, of the router, and of what every token goes through."""
        return self.num_experts * layer.mlp.params(dims) + self._always(dims, layer)

    def active_params(self, dims: Dims, layer: Choices) -> int:
        """The same with k experts; the router whole."""
        return self.experts_per_token * layer.mlp.params(dims) + self._always(dims, layer)

    def _always(self, dims: Dims, layer: Choices) -> int:
        shared = self.shared(layer)
        return self.router(dims).params + (shared.params(dims) if shared else 0) + self.shared_gate * dims.hidden_size

    def flops(self, dims: Dims, layer: Choices, tokens: int) -> int:
        """The router, k experts a token, whichever those are, and what every token goes through."""
        shared = self.shared(layer)
        gate = Linear(dims.hidden_size, 1).flops(tokens) if self.shared_gate else 0
        return (
            self.router(dims).flops(tokens)
            + layer.mlp.flops(dims, self.experts_per_token * tokens)
            + (shared.flops(dims, tokens) if shared else 0)
            + gate
        )

    def problems(self, dims: Dims, choices: Choices) -> Iterator[tuple[str, str]]:
        """There are enough experts, groups divide them, and an expert is nothing but matrices and an activation."""
        if self.experts_per_token > self.num_experts:
            yield "experts_per_token", f"found {self.experts_per_token}; expected up to num_experts {self.num_experts}"
        if self.score == "sparsemixer" and (self.experts_per_token != 2 or self.normalised or self._chooses_groups):
            yield "score", "found sparsemixer; it needs experts_per_token 2, normalised false and no groups"
        if self.normalised and self.experts_per_token == 1:
            yield "normalised", "found true for one expert a token, whose weight is then always 1; expected false"
        if self.shared_gate and self.shared_size is None:
            yield "shared_gate", "found true without shared_size; expected false"
        if len({option is None for option in (self.groups, self.groups_per_token, self.group_score)}) > 1:
            yield "groups", "found one of groups, groups_per_token and group_score alone; expected all or none"
        elif self.groups and self.groups_per_token:
            yield from self._group_problems(self.groups, self.groups_per_token)
        mlp = choices.mlp
        if not isinstance(mlp, ActivatedMLP) or mlp.params(dims) != sum(linear.params for linear in mlp.linears(dims)):
            yield "kind", f"found top_k with mlp {mlp.kind}; expected one of matrices alone, such as swiglu"

    @property
    def _chooses_groups(self) -> bool:
        return self.groups is not None or self.correction

    def _group_problems(self, groups: int, chosen: int) -> Iterator[tuple[str, str]]:
        size = self.num_experts // groups
        if self.num_experts % groups:
            yield "groups", f"found {groups}, which does not divide num_experts {self.num_experts}"
        elif chosen > groups or chosen * size < self.experts_per_token:
            message = f"found {chosen} of {groups} groups of {size} for {self.experts_per_token} experts a token"
            yield "groups_per_token", message
        elif self.group_score == "best_two" and size < 2:
            yield "group_score", f"found best_two for groups of {size}; expected best"

    def scaled(self, scaling: Scaling) -> TopK:
        """A small model has 8 experts at most, and as near the same share of them a token as can be; no groups then."""
        width = self.shared_size and scaling.width(self.shared_size)
        if scaling.new.hidden_size >= scaling.old.hidden_size or self.num_experts <= FEW:
            return self.model_copy(update={"shared_size": width})
        chosen = max(1 + self.normalised, round(self.experts_per_token * FEW / self.num_experts))
        if self.score == "sparsemixer":
            chosen = self.experts_per_token
        changed = {"num_experts": FEW, "experts_per_token": chosen, "shared_size": width}
        return self.model_copy(update=changed | dict.fromkeys(("groups", "groups_per_token", "group_score")))
