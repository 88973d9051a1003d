"""Softmax attention: Vaswani et al. 2017, https://arxiv.org/abs/1706.03762, section 3.2"""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import TYPE_CHECKING, Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, PositiveFloat, PositiveInt

from harness.choices.base import Dims, Linear, Scaling, Source, no, unset
from harness.choices.mixers import Mixer, Pass, State, mixers

if TYPE_CHECKING:
    from harness.choices.axes import Choices
    from harness.choices.norms import Norm
    from harness.choices.patterns import Pattern


class Growth(BaseModel):
    """Queries at place p are multiplied by 1 + rate ln(1 + floor(p / length)).

    Attributes:
        rate: how fast.
        length: tokens that a step takes.
        from_one: whether places are counted from 1 (Llama 4), not from 0 (Ministral 3).
    """

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)

    rate: Annotated[float, Field(gt=0, le=1)]
    length: PositiveInt
    from_one: Annotated[bool, Field(exclude_if=no)] = False


@mixers.register("softmax")
class Softmax(Mixer):
    """Scaled dot-product attention, softmax(scale Q K^T) V, head by head.

    Attributes:
        num_heads: query heads, H.
        num_kv_heads: heads of keys and values, K, each shared by H / K query heads; left out, as many as query heads.
            What that is called follows from the numbers, see `sharing`.
        head_dim: channels of one head; left out, the hidden size divided by the heads.
        bias: on all four projections (true), on none (false), on those of queries, keys and values only (qkv), or
            on the one out of the heads only (out; GPT-Neo).
        qk_norm: normalise queries and keys before they are rotated, as the layers are normalised: each head for
            itself, with gains that the heads share (head; Qwen3), with gains of its own and no bias (own; StableLM 2
            12B, Command R+) or without any (plain; Llama 4), or all heads together (all; OLMo 2). After they are
            rotated: each head for itself (rotated; Hunyuan).
        scale: what the scores are multiplied by; left out, 1 / sqrt(head channels).
        softcap: if given, scores become softcap tanh(scores / softcap) before the mask (Gemma 2).
        clip: if given, queries, keys and values are cut off at -clip and clip, before all else (MPT, OLMo).
        growth: if given, queries grow with their place (Llama 4, Ministral 3).
        gated: whether each channel that comes out of the heads is multiplied by a sigmoid of a product with the token
            (Qwen3-Next).
        sinks: whether each head has one more score, a trained number, that takes its share of the softmax and adds
            nothing (gpt-oss).
    """

    kind = "softmax"
    source = Source("Attention Is All You Need", "https://arxiv.org/abs/1706.03762")

    uses_pattern = True
    uses_position = True

    num_heads: PositiveInt
    num_kv_heads: PositiveInt | None = None
    head_dim: PositiveInt | None = None
    bias: bool | Literal["qkv", "out"]
    qk_norm: Literal["head", "own", "plain", "all", "rotated"] | None = None
    scale: PositiveFloat | None = None
    softcap: PositiveFloat | None = None
    clip: Annotated[PositiveFloat | None, Field(exclude_if=unset)] = None
    growth: Annotated[Growth | None, Field(exclude_if=unset)] = None
    gated: Annotated[bool, Field(exclude_if=no)] = False
    sinks: Annotated[bool, Field(exclude_if=no)] = False

    @property
    def kv_heads(self) -> int:
        """Key-value heads, K."""
        return self.num_kv_heads or self.num_heads

    def channels(self, dims: Dims) -> int:
        """Channels of one head, C."""
        return self.head_dim or dims.hidden_size // self.num_heads

    def position_channels(self, dims: Dims) -> int:
        """All channels of a head."""
        return self.channels(dims)

    def heads(self, dims: Dims) -> dict[str, int]:
        """Query heads, key-value heads and channels of a head, for tables."""
        return {"query": self.num_heads, "key_value": self.kv_heads, "channels": self.channels(dims)}

    @property
    def bias_into(self) -> bool:
        """Whether the projections of queries, keys and values have biases."""
        return self.bias in (True, "qkv")

    @property
    def bias_out(self) -> bool:
        """Whether the projection out of the heads has a bias."""
        return self.bias in (True, "out")

    def norm_widths(self, dims: Dims) -> tuple[int, ...]:
        """Channels of the norms of queries and keys that are of the layers' kind."""
        channels = self.channels(dims)
        if self.qk_norm in (None, "own", "plain"):
            return ()
        return (self.num_heads * channels, self.kv_heads * channels) if self.qk_norm == "all" else (channels, channels)

    def norm_params(self, norm: Norm, dims: Dims) -> int:
        """Parameters of the norms of queries and keys; (H + K) C where each head has gains of its own."""
        own = (self.num_heads + self.kv_heads) * self.channels(dims) if self.qk_norm == "own" else 0
        return own + sum(norm.gains(width) for width in self.norm_widths(dims))

    def projections(self, dims: Dims) -> tuple[Linear, Linear]:
        """The matrix products into queries, keys, values and gates (together), and back out of the heads."""
        queries, keys = self.num_heads * self.channels(dims), self.kv_heads * self.channels(dims)
        into = Linear(dims.hidden_size, queries * (1 + self.gated) + 2 * keys, bias=self.bias_into)
        return into, Linear(queries, dims.hidden_size, bias=self.bias_out)

    def params(self, dims: Dims) -> int:
        """D (H + 2 K) C + H C D, D H C of gates, the biases, and H sinks."""
        return sum(linear.params for linear in self.projections(dims)) + self.sinks * self.num_heads

    def flops(self, dims: Dims, layer: Choices, p: Pass) -> int:
        """The projections; and of each pair, over all heads, 2 H C for the score and 2 H C for the weighted value."""
        projected = sum(linear.flops(p.new) for linear in self.projections(dims))
        return projected + self.pairs(layer, p) * 4 * self.num_heads * self.channels(dims)

    def pairs(self, layer: Choices, p: Pass) -> int:
        """Those that the pattern leaves visible, with no context that is read both ways; or all."""
        return pattern_pairs(layer.pattern, p)

    def state(self, dims: Dims, layer: Choices, n: int) -> State:
        """Keys and values of the key-value heads, 2 K C scalars for each key that the pattern keeps."""
        return State(cached=self._cached(dims, layer.pattern.cached_keys(n) if n else 0))

    def peak_state(self, dims: Dims, layer: Choices, n: int) -> State:
        """The same for the most keys that the pattern keeps on the way."""
        return State(cached=self._cached(dims, layer.pattern.peak_keys(n) if n else 0))

    def _cached(self, dims: Dims, keys: int) -> int:
        return 2 * self.kv_heads * self.channels(dims) * keys

    def problems(self, dims: Dims, choices: Choices) -> Iterator[tuple[str, str]]:
        """Heads must divide the hidden size unless `head_dim` is given, and key-value heads the heads."""
        if self.head_dim is None and dims.hidden_size % self.num_heads:
            yield (
                "num_heads",
                (
                    f"found {self.num_heads}, which does not divide hidden_size {dims.hidden_size}; "
                    f"expected a divisor such as {_nearest_divisor(dims.hidden_size, self.num_heads)}, or give head_dim"
                ),
            )
        if self.num_heads % self.kv_heads:
            yield (
                "num_kv_heads",
                (
                    f"found {self.kv_heads}, which does not divide num_heads {self.num_heads}; "
                    f"expected a divisor such as {_nearest_divisor(self.num_heads, self.kv_heads)}"
                ),
            )

    def settled(self, dims: Dims) -> Softmax:
        """Key-value heads and channels written out; no scale where it is the usual one."""
        channels = self.channels(dims)
        usual = self.scale is not None and math.isclose(self.scale, channels**-0.5, rel_tol=1e-12)
        changed = {"num_kv_heads": self.kv_heads, "head_dim": channels}
        return self.model_copy(update=changed | ({"scale": None} if usual else {}))

    def scaled(self, scaling: Scaling) -> Softmax:
        """As many query heads as have 16 channels each, four at least, and key-value heads of the same kind.

        MHA and MQA stay what they are. Of GQA as much of a group stays as leaves two groups, so that it is neither.
        Heads have a multiple of 4 channels, so that every rotary scheme fits, and `head_dim` is written out where
        heads x channels is not the hidden size.
        """
        room, wanted = max(4, scaling.new.hidden_size // 16), self.num_heads // self.kv_heads
        most = min(room, self.num_heads)
        if self.kv_heads in (1, self.num_heads):
            heads = most
            kv_heads = 1 if self.kv_heads == 1 else heads
        else:
            group = min(wanted, most // 2)
            kv_heads = min(self.kv_heads, most // group)
            heads = group * kv_heads
        channels = max(4, scaling.new.hidden_size // heads // 4 * 4)
        changed: dict[str, int | Growth | None] = {
            "num_heads": heads,
            "num_kv_heads": self.num_kv_heads and kv_heads,
            "growth": self.growth and self.growth.model_copy(update={"length": scaling.length(self.growth.length)}),
            "head_dim": None if heads * channels == scaling.new.hidden_size else channels,
        }
        return self.model_copy(update=changed)


def pattern_pairs(pattern: Pattern, p: Pass) -> int:
    """Query-key pairs of a pass under a pattern."""
    if not p.causal:
        return p.new * p.end
    return pattern.visible_pairs(p.end) - (pattern.visible_pairs(p.start) if p.start else 0)


def softmax_of(layer: Choices) -> Softmax:
    """The mixer of a layer that is known to have softmax attention."""
    assert isinstance(layer.mixer, Softmax)
    return layer.mixer


def _nearest_divisor(whole: int, wanted: int) -> int:
    return min((d for d in range(1, whole + 1) if whole % d == 0), key=lambda d: abs(d - wanted))
