"""Multi-head latent attention: DeepSeek-AI 2024 (DeepSeek-V2), https://arxiv.org/abs/2405.04434, section 2.1"""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import TYPE_CHECKING, Annotated

from pydantic import Field, PositiveFloat, PositiveInt

from harness.choices.base import Dims, Linear, Scaling, Source, unset
from harness.choices.mixers import Mixer, Pass, State, mixers
from harness.choices.mixers.softmax import pattern_pairs

if TYPE_CHECKING:
    from harness.choices.axes import Choices
    from harness.choices.norms import Norm


@mixers.register("latent")
class Latent(Mixer):
    """Softmax attention whose keys and values are products of one short vector a token, the latent, which is cached.

    A key is a part of each head's own, from the latent, and a rotated part that all heads share. Of a prefill keys
    and values are computed, of every token so far (expanded); a single new token takes the products with the latent
    over to its query and to what the heads give, and attends to the latents themselves (absorbed).

    Attributes:
        num_heads: H.
        query_rank: width q of what queries are made from; left out, they are made from the hidden state at once.
        kv_rank: width c of a latent.
        head_dim: channels n of a head's query and key that do not rotate.
        rope_dim: channels r that do.
        value_dim: channels v of a head's value.
        bias: on the products onto the ranks and on that out of the heads.
        scale: what the scores are multiplied by; left out, 1 / sqrt(n + r).
        norm_eps: of the norms of the latent and of what queries are made from, where it is not that of the layers.
    """

    kind = "latent"
    source = Source(
        "DeepSeek-V2: A Strong, Economical, and Efficient MoE Language Model", "https://arxiv.org/abs/2405.04434"
    )

    short = "MLA"
    uses_pattern = True
    uses_position = True

    num_heads: PositiveInt
    query_rank: PositiveInt | None = None
    kv_rank: PositiveInt
    head_dim: PositiveInt
    rope_dim: PositiveInt
    value_dim: PositiveInt
    bias: bool
    scale: PositiveFloat | None = None
    norm_eps: Annotated[PositiveFloat | None, Field(exclude_if=unset)] = None

    def position_channels(self, dims: Dims) -> int:
        """Those that rotate, r."""
        return self.rope_dim

    def heads(self, dims: Dims) -> dict[str, int]:
        """Every head has keys and values of its own."""
        return {"query": self.num_heads, "key_value": self.num_heads, "channels": self.head_dim + self.rope_dim}

    def queries(self, dims: Dims) -> list[Linear]:
        """The products that make queries."""
        width = self.num_heads * (self.head_dim + self.rope_dim)
        if self.query_rank is None:
            return [Linear(dims.hidden_size, width)]
        return [Linear(dims.hidden_size, self.query_rank, self.bias), Linear(self.query_rank, width)]

    def latents(self, dims: Dims) -> Linear:
        """The product that makes the latent and the part of the keys that all heads share."""
        return Linear(dims.hidden_size, self.kv_rank + self.rope_dim, self.bias)

    def keys_and_values(self) -> Linear:
        """The product that makes both from a latent."""
        return Linear(self.kv_rank, self.num_heads * (self.head_dim + self.value_dim))

    def out(self, dims: Dims) -> Linear:
        """The product out of the heads."""
        return Linear(self.num_heads * self.value_dim, dims.hidden_size, self.bias)

    def params(self, dims: Dims) -> int:
        """D q + q H (n + r) or D H (n + r), D (c + r), c H (n + v), H v D, and the biases."""
        linears = [*self.queries(dims), self.latents(dims), self.keys_and_values(), self.out(dims)]
        return sum(linear.params for linear in linears)

    def norm_params(self, norm: Norm, dims: Dims) -> int:
        """Those of the norms of the latent and of what queries are made from."""
        return norm.gains(self.kv_rank) + (norm.gains(self.query_rank) if self.query_rank else 0)

    def flops(self, dims: Dims, layer: Choices, p: Pass) -> int:
        """Absorbed for one token behind others, expanded otherwise; earlier latents are expanded anew.

        Absorbed, a pair takes 2 H (2 c + r), and the token 2 H c (n + v) in place of the product that makes keys and
        values. Expanded, a pair takes 2 H (n + r + v).
        """
        linears = [*self.queries(dims), self.latents(dims), self.out(dims)]
        always, pairs = sum(linear.flops(p.new) for linear in linears), self.pairs(layer, p)
        expansion = self.keys_and_values()
        if absorbs(p.new, p.end):
            return always + expansion.flops(1) + pairs * 2 * self.num_heads * (2 * self.kv_rank + self.rope_dim)
        widths = self.head_dim + self.rope_dim + self.value_dim
        return always + expansion.flops(p.end) + pairs * 2 * self.num_heads * widths

    def pairs(self, layer: Choices, p: Pass) -> int:
        """Those that the pattern leaves visible; or all."""
        return pattern_pairs(layer.pattern, p)

    def state(self, dims: Dims, layer: Choices, n: int) -> State:
        """The latent and the rotated part of the keys, c + r scalars a token."""
        return State(cached=(self.kv_rank + self.rope_dim) * n)

    def problems(self, dims: Dims, choices: Choices) -> Iterator[tuple[str, str]]:
        """No latent is ever dropped."""
        if choices.pattern.forgets:
            yield "kind", f"found latent with pattern {choices.pattern.kind}; expected a pattern that keeps all keys"

    def settled(self, dims: Dims) -> Latent:
        """No scale where it is the usual one."""
        usual = (self.head_dim + self.rope_dim) ** -0.5
        if self.scale is not None and math.isclose(self.scale, usual, rel_tol=1e-12):
            return self.model_copy(update={"scale": None})
        return self

    def scaled(self, scaling: Scaling) -> Latent:
        """As many heads as have 16 channels each, and ranks and channels with their ratios."""
        heads = min(self.num_heads, max(1, scaling.new.hidden_size // 16))
        channels = max(4, scaling.new.hidden_size // heads // 4 * 4)

        def share(width: int) -> int:
            return max(4, round(channels * width / self.head_dim / 4) * 4)

        changed = {
            "num_heads": heads,
            "head_dim": channels,
            "rope_dim": share(self.rope_dim),
            "value_dim": share(self.value_dim),
            "kv_rank": scaling.width(self.kv_rank),
            "query_rank": self.query_rank and scaling.width(self.query_rank),
            "scale": None,
        }
        return self.model_copy(update=changed)


def absorbs(new: int, end: int) -> bool:
    """Whether a pass attends to the latents themselves: it computes one token, and there are earlier ones."""
    return new == 1 < end
