"""Softmax attention with any number of key-value heads."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from harness.choices.axes import Choices
from harness.choices.base import Dims
from harness.choices.mixers.softmax import Growth, Softmax
from harness.modules import computed_by, computes
from harness.modules.kernels.attend import attend
from harness.modules.kernels.view import View
from harness.modules.key_values import KeyValues, key_values, with_earlier
from harness.modules.layers import INIT_STD, Linear, draw
from harness.modules.states import Room
from harness.modules.step import LayerStep


class NormByHead(nn.Module):
    """A norm over the channels of each head, [B, T, heads, C], whose result is multiplied by gains of that head."""

    def __init__(self, plain: nn.Module, heads: int, channels: int) -> None:
        super().__init__()
        self.plain = plain
        self.gains = nn.ParameterList(torch.empty(channels) for _ in range(heads))

    def start(self, generator: torch.Generator) -> None:
        """Gains begin at 1."""
        for gain in self.gains:
            nn.init.ones_(gain)

    def forward(self, x: Tensor) -> Tensor:
        """[B, T, heads, C] -> [B, T, heads, C]."""
        out: Tensor = self.plain(x) * torch.stack(list(self.gains))
        return out


def _grown(growth: Growth, places: Tensor) -> Tensor:
    """What queries at places [.., T] are multiplied by, [.., T, 1, 1]."""
    steps = torch.floor((places + growth.from_one) / growth.length)
    return (1 + growth.rate * torch.log1p(steps))[..., None, None]


@computes(Softmax)
class AttentionLayer(nn.Module):
    """Projects to queries, keys and values, lets the pattern attend, and projects back.

    Queries, keys and values have matrices of their own: where a release stores them as one, its layout cuts it.
    """

    def __init__(self, attention: Softmax, dims: Dims, choices: Choices) -> None:
        super().__init__()
        self.kv_heads = attention.kv_heads
        self.channels = attention.channels(dims)
        queries, keys = attention.num_heads * self.channels, attention.kv_heads * self.channels
        bias = attention.bias_into
        self.query = Linear(dims.hidden_size, queries, bias)
        self.key = Linear(dims.hidden_size, keys, bias)
        self.value = Linear(dims.hidden_size, keys, bias)
        self.out = Linear(queries, dims.hidden_size, bias=attention.bias_out)
        self.gate = Linear(dims.hidden_size, queries, bias) if attention.gated else None
        self.sinks = nn.Parameter(torch.empty(attention.num_heads)) if attention.sinks else None
        self.scale, self.softcap = attention.scale, attention.softcap
        self.qk_norm = attention.qk_norm
        if widths := attention.norm_widths(dims):
            self.query_norm, self.key_norm = (computed_by(choices.norm)(choices.norm, width) for width in widths)
        elif attention.qk_norm == "own":
            plain = choices.norm.plain()
            self.query_norm, self.key_norm = (
                NormByHead(computed_by(plain)(plain, self.channels), heads, self.channels)
                for heads in (attention.num_heads, attention.kv_heads)
            )
        elif attention.qk_norm == "plain":
            plain = choices.norm.plain()
            self.query_norm, self.key_norm = (computed_by(plain)(plain, self.channels) for _ in range(2))
        self.clip, self.growth = attention.clip, attention.growth
        self.pattern = choices.pattern

    def start(self, generator: torch.Generator) -> None:
        """Sinks as matrices are drawn, as the release has it."""
        if self.sinks is not None:
            draw(self.sinks, INIT_STD, generator)

    def forward(self, x: Tensor, step: LayerStep) -> Tensor:
        """[B, T, D] -> [B, T, D]."""
        q, k, v = self.project(x)
        position = step.position
        q, k = position.rotate(q, step.tables), position.rotate(k, step.tables)
        if self.qk_norm == "rotated":
            q, k = self.query_norm(q), self.key_norm(k)
        if self.growth:
            q = q * _grown(self.growth, step.places.one_dimensional()).to(q.dtype)
        held_k, held_v, keys = with_earlier(step, k, v)
        queries = step.places.queries
        view = View(
            queries=queries,
            keys=keys,
            context=step.places.context,
            bias=position.score_bias(),
            scale=self.scale,
            softcap=self.softcap,
            sinks=self.sinks,
            from_start=step.from_start,
        )
        heads = attend(self.pattern, q, held_k, held_v, view)  # [B, T, H, C]
        joined = heads.flatten(2) if self.gate is None else heads.flatten(2) * self.gate(x).sigmoid()
        out: Tensor = self.out(joined)
        return out

    def new_state(self, room: Room) -> KeyValues:
        """Room for keys and values."""
        shape = (self.kv_heads, self.channels)
        return key_values(room, self.pattern, (shape, shape))

    def project(self, x: Tensor) -> list[Tensor]:
        """[B, T, D] -> queries [B, T, H, C], keys and values [B, T, K, C]."""
        parts = self.query(x), self.key(x), self.value(x)
        if self.clip:
            parts = tuple(part.clamp(-self.clip, self.clip) for part in parts)
        if self.qk_norm == "all":
            parts = self.query_norm(parts[0]), self.key_norm(parts[1]), parts[2]
        q, k, v = (part.unflatten(-1, (-1, self.channels)) for part in parts)
        return [self.query_norm(q), self.key_norm(k), v] if self.qk_norm in ("head", "own", "plain") else [q, k, v]
