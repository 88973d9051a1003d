"""Modules one behind the other, each for one token more: DeepSeek-AI 2024 (DeepSeek-V3), section 2.2"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from pydantic import PositiveInt

from harness.choices.base import Dims, Linear, Scaling, Source
from harness.choices.mtp import MTP, mtp

if TYPE_CHECKING:
    from harness.choices.axes import Choices


@mtp.register("sequential")
class Sequential(MTP):
    """Module k reads, at token i, the hidden state that module k - 1 has there and the embedding of token i + k.

    Both are normalised and joined by one product; a layer and a norm follow, and the model's own head predicts token
    i + k + 1. Module 0 is the model. Token table and head are the model's.

    Attributes:
        modules: how many there are.
    """

    kind = "sequential"
    source = Source("DeepSeek-V3 Technical Report", "https://arxiv.org/abs/2412.19437")

    modules: PositiveInt

    @property
    def depth(self) -> int:
        """One a module."""
        return self.modules

    def join(self, dims: Dims) -> Linear:
        """The product that makes one vector of an embedding and a hidden state."""
        return Linear(2 * dims.hidden_size, dims.hidden_size)

    def params(self, dims: Dims, last: Choices) -> int:
        """The products, the norms of both parts, and what stands between the layers and the head."""
        norms = 2 + last.residual.final_norms
        return self.modules * (self.join(dims).params + norms * last.norm.params(dims))

    def flops(self, dims: Dims, tokens: int) -> int:
        """The product."""
        return self.join(dims).flops(tokens)

    def scaled(self, scaling: Scaling) -> Sequential:
        """As many modules as a short sequence has room for."""
        return self.model_copy(update={"modules": max(1, min(self.modules, scaling.new.max_seq_len - 1))})

    def problems(self, dims: Dims, choices: Choices) -> Iterator[tuple[str, str]]:
        """Every token of a text is predicted from those before it, and some are left for the last module."""
        if self.modules >= dims.max_seq_len:
            yield "modules", f"found {self.modules}; expected fewer than max_seq_len {dims.max_seq_len}"
        if not choices.objective.predicts_all:
            yield "kind", f"found sequential with objective {choices.objective.kind}; expected causal_lm"
