"""Attention over one rectangle of pairs: outputs with their log-sum-exp, and gradients that know of other rectangles.

Both come twice: by torch's flash kernel for the CPU, and in plain matrix products for any device. All shapes are
[batch, heads, rows, C], a log-sum-exp is [batch, heads, rows].
"""

from __future__ import annotations

from typing import NamedTuple, Protocol

import torch
from torch import Tensor


class Gradients(NamedTuple):
    """Of the queries, the keys and the values of one rectangle."""

    q: Tensor
    k: Tensor
    v: Tensor


class Kernel(Protocol):
    """A way to compute one rectangle."""

    def forward(
        self, q: Tensor, k: Tensor, v: Tensor, causal: bool, mask: Tensor | None, scale: float
    ) -> tuple[Tensor, Tensor]:
        """Output and log-sum-exp of the scores.

        Args:
            q: queries.
            k: keys.
            v: values.
            causal: whether row i sees the keys 0 to i; otherwise it sees all that the mask leaves.
            mask: what is added to the scores, [rows, keys]; 0 or -inf, and no row is -inf throughout.
            scale: what the products are multiplied by.
        """

    def backward(
        self,
        grad: Tensor,
        q: Tensor,
        k: Tensor,
        v: Tensor,
        out: Tensor,
        lse: Tensor,
        causal: bool,
        mask: Tensor | None,
        scale: float,
    ) -> Gradients:
        """What this rectangle adds to the gradients, if `out` and `lse` are those over all keys of each query."""


class Flash:
    """Torch's kernel for the CPU, tile by tile: it keeps no scores."""

    def forward(
        self, q: Tensor, k: Tensor, v: Tensor, causal: bool, mask: Tensor | None, scale: float
    ) -> tuple[Tensor, Tensor]:
        """As `Kernel` says."""
        mask = None if mask is None else mask[None, None]
        out, lse = torch.ops.aten._scaled_dot_product_flash_attention_for_cpu(
            q, k, v, 0.0, causal, attn_mask=mask, scale=scale
        )
        return out, lse

    def backward(
        self,
        grad: Tensor,
        q: Tensor,
        k: Tensor,
        v: Tensor,
        out: Tensor,
        lse: Tensor,
        causal: bool,
        mask: Tensor | None,
        scale: float,
    ) -> Gradients:
        """As `Kernel` says."""
        mask = None if mask is None else mask[None, None]
        return Gradients(
            *torch.ops.aten._scaled_dot_product_flash_attention_for_cpu_backward(
                grad, q, k, v, out, lse, 0.0, causal, attn_mask=mask, scale=scale
            )
        )


class Plain:
    """Matrix products with the scores of the rectangle in memory, for devices without the kernel above."""

    def forward(
        self, q: Tensor, k: Tensor, v: Tensor, causal: bool, mask: Tensor | None, scale: float
    ) -> tuple[Tensor, Tensor]:
        """As `Kernel` says."""
        scores = self._scores(q, k, causal, mask, scale)
        lse = scores.logsumexp(-1)
        return (scores - lse[..., None]).exp().to(v.dtype) @ v, lse

    def backward(
        self,
        grad: Tensor,
        q: Tensor,
        k: Tensor,
        v: Tensor,
        out: Tensor,
        lse: Tensor,
        causal: bool,
        mask: Tensor | None,
        scale: float,
    ) -> Gradients:
        """As `Kernel` says."""
        weights = (self._scores(q, k, causal, mask, scale) - lse[..., None]).exp()
        towards_weights = (grad @ v.mT - (grad * out).sum(-1, keepdim=True)).to(weights.dtype)
        towards_scores = (weights * towards_weights * scale).to(q.dtype)
        return Gradients(towards_scores @ k, towards_scores.mT @ q, weights.to(v.dtype).mT @ grad)

    @staticmethod
    def _scores(q: Tensor, k: Tensor, causal: bool, mask: Tensor | None, scale: float) -> Tensor:
        scores = (q @ k.mT).to(torch.promote_types(q.dtype, torch.float32)) * scale
        if causal:
            hidden = torch.ones(scores.shape[-2:], dtype=torch.bool, device=scores.device).triu(1)
            scores = scores.masked_fill(hidden, float("-inf"))
        return scores if mask is None else scores + mask


def kernel_for(device: torch.device) -> Kernel:
    """The faster way that a device has."""
    return Flash() if device.type == "cpu" else Plain()
