"""Attention over one rectangle of pairs: outputs with their log-sum-exp, and gradients that know of other rectangles.

Both come twice: by torch's flash kernel for the CPU, and in plain matrix products for any device. All shapes are
[batch, heads, rows, C], a log-sum-exp is [batch, heads, rows].
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple, Protocol

import torch
from torch import Tensor

from harness.modules.kernels import torch_private


class Gradients(NamedTuple):
    """Of the queries, the keys and the values of one rectangle."""

    q: Tensor
    k: Tensor
    v: Tensor


@dataclass(frozen=True)
class Scores:
    """How the scores of a rectangle follow from the products of queries and keys.

    Attributes:
        scale: what the products are multiplied by.
        causal: whether row i sees the keys 0 to i; otherwise it sees all that the mask leaves.
        mask: what is added, [1, 1, rows, keys]; 0 or -inf, and no row is -inf throughout.
    """

    scale: float
    causal: bool = False
    mask: Tensor | None = None


class Kernel(Protocol):
    """A way to compute one rectangle."""

    def forward(self, q: Tensor, k: Tensor, v: Tensor, scores: Scores) -> tuple[Tensor, Tensor]:
        """Output and log-sum-exp of the scores."""

    def backward(
        self, grad: Tensor, q: Tensor, k: Tensor, v: Tensor, out: Tensor, lse: Tensor, scores: Scores
    ) -> Gradients:
        """What this rectangle adds to the gradients, if `out` and `lse` are those over all keys of each query."""


class Flash:
    """Torch's kernel for the CPU, tile by tile: it keeps no scores."""

    def forward(self, q: Tensor, k: Tensor, v: Tensor, scores: Scores) -> tuple[Tensor, Tensor]:
        """As `Kernel` says."""
        return torch_private.flash(q, k, v, scores.causal, scores.mask, scores.scale)

    def backward(
        self, grad: Tensor, q: Tensor, k: Tensor, v: Tensor, out: Tensor, lse: Tensor, scores: Scores
    ) -> Gradients:
        """As `Kernel` says."""
        causal, mask, scale = scores.causal, scores.mask, scores.scale
        return Gradients(*torch_private.flash_backward(grad, q, k, v, out, lse, causal, mask, scale))


class Plain:
    """Matrix products with the scores of the rectangle in memory, for devices without the kernel above."""

    def forward(self, q: Tensor, k: Tensor, v: Tensor, scores: Scores) -> tuple[Tensor, Tensor]:
        """As `Kernel` says."""
        computed = self._computed(q, k, scores)
        lse = computed.logsumexp(-1)
        return (computed - lse[..., None]).exp().to(v.dtype) @ v, lse

    def backward(
        self, grad: Tensor, q: Tensor, k: Tensor, v: Tensor, out: Tensor, lse: Tensor, scores: Scores
    ) -> Gradients:
        """As `Kernel` says."""
        weights = (self._computed(q, k, scores) - lse[..., None]).exp()
        towards_weights = (grad @ v.mT - (grad * out).sum(-1, keepdim=True)).to(weights.dtype)
        towards_scores = (weights * towards_weights * scores.scale).to(q.dtype)
        return Gradients(towards_scores @ k, towards_scores.mT @ q, weights.to(v.dtype).mT @ grad)

    @staticmethod
    def _computed(q: Tensor, k: Tensor, scores: Scores) -> Tensor:
        computed = (q @ k.mT).to(torch.promote_types(q.dtype, torch.float32)) * scores.scale
        if scores.causal:
            hidden = torch.ones(computed.shape[-2:], dtype=torch.bool, device=computed.device).triu(1)
            computed = computed.masked_fill(hidden, float("-inf"))
        return computed if scores.mask is None else computed + scores.mask


def require_no_graph() -> None:
    """Refuse gradients of gradients. `once_differentiable` lets them pass, cut short, where the loss is linear.

    Raises:
        NotImplementedError: the backward pass is to be differentiated.
    """
    if torch.is_grad_enabled():
        raise NotImplementedError("sparse attention has no second derivative: use harness.modules.kernels.reference")


def kernel_for(device: torch.device) -> Kernel:
    """The faster way that a device has."""
    return Flash() if device.type == "cpu" and torch_private.has_flash() else Plain()
