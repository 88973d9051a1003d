"""One module of DeepSeek-V3's multi-token prediction."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from harness.choices.axes import Choices
from harness.choices.base import Dims
from harness.choices.mtp.sequential import Sequential
from harness.modules import computed_by, computes
from harness.modules.layers import Linear
from harness.modules.step import LayerStep


class FurtherToken(nn.Module):
    """Predicts one token more than what it reads does.

    In the product the embedding comes first, as in the release (`eh_proj`). `final_norm` stands before the head alone.
    """

    def __init__(self, choice: Sequential, dims: Dims, last: Choices) -> None:
        super().__init__()
        join = choice.join(dims)
        self.embedding_norm = computed_by(last.norm)(last.norm, dims.hidden_size)
        self.hidden_norm = computed_by(last.norm)(last.norm, dims.hidden_size)
        self.join = Linear(join.d_in, join.d_out, join.bias)
        self.layer = computed_by(last.residual)(last.residual, dims, last)
        self.final_norm = nn.Sequential(
            *(computed_by(last.norm)(last.norm, dims.hidden_size) for _ in range(last.residual.final_norms))
        )

    def forward(self, hidden: Tensor, embedded: Tensor, step: LayerStep) -> Tensor:
        """Hidden states of the tokens i, [B, T, D], and embeddings of the tokens i + k -> hidden states, [B, T, D]."""
        parts = (self.embedding_norm(embedded), self.hidden_norm(hidden))
        made: Tensor = self.layer(self.join(torch.cat(parts, dim=-1)), step)
        return made


@computes(Sequential)
def further_tokens(choice: Sequential, dims: Dims, last: Choices) -> list[FurtherToken]:
    """A module for each token."""
    return [FurtherToken(choice, dims, last) for _ in range(choice.modules)]
