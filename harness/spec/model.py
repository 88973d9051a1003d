"""A spec as the rest of the program sees it: checked, resolved, immutable."""

from __future__ import annotations

import hashlib
import json
from collections import Counter
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, NonNegativeInt

from harness.choices.axes import PER_LAYER, Choices
from harness.choices.base import Dims, Scaling, Source
from harness.tables import Table, html

Provenance = Literal["released", "inferred", "proxy", "documented", "variant", "imported"]
PROVENANCES = {
    "released": "weights or code are public, and the spec builds the same architecture",
    "inferred": "published in part; what was not is inferred, see about",
    "proxy": "never published; another architecture stands in",
    "documented": "as described in writing, where the release differs",
    "variant": "a what-if: another spec with choices changed",
    "imported": "from a config.json or a file in GGUF; whose it is was not said",
}


class Claim(BaseModel):
    """A figure that a source states, to be held against the computed one."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)

    metric: Literal[
        "params",
        "non_embedding_params",
        "active_params",
        "active_non_embedding_params",
        "mtp_params",
        "kv_cache_bytes_per_token",
        "tokens_in_6_gb_int4",
    ]
    value: int | float
    source: str
    at: str
    digits: Annotated[int, Field(gt=0, le=15)] | None = None
    """How many digits of the value are meant; left out, those before its trailing zeros: 6.7e9 has two."""


class Weights(BaseModel):
    """Where released weights of a spec lie, for what needs more than the architecture."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)

    file: str
    """A checkpoint: a path inside the package; without a package, one that holds where the program is run."""
    package: str | None = None
    """The Python package that carries the file, with its version: `name==version`."""
    sha256: Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")] | None = None
    """Digest of the file; None where whoever names the file vouches for it."""


class ContextTokens(BaseModel):
    """Tokens by which a release tells where the context ends that it reads in both directions (ChatGLM-6B)."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)

    masks: Annotated[list[NonNegativeInt], Field(min_length=1)]
    """Of the first of them that a sequence has, the first place is what the rest fills."""
    start: NonNegativeInt
    """The first one ends the context."""


HASHED_AS = {"mixer": "attention"}
"""Words in which a hash was always taken, so that it stays what it was when an axis is called otherwise."""
OMITTED = {"experts": {"kind": "none"}, "mtp": {"kind": "none"}}
"""What an axis that was added later has where an architecture, and a hash, leaves it out."""


@dataclass(frozen=True)
class Spec:
    """One model.

    Attributes:
        name: what commands call it, the stem of its file.
        title: what pages call it.
        family: groups specs in tables.
        provenance: how the architecture is known, one of `PROVENANCES`.
        about: a remark on what is known and what is not.
        released: date of the release, as far as it is known.
        sources: where the facts come from, by short name.
        training: stages of training, in order, where they are documented.
        claims: published figures.
        dims: sizes of the whole model.
        choices: the choice on each axis, for the model and for layers that name no block of their own.
        blocks: the kinds of layers there are, by name.
        layers: names of blocks, repeated over the depth.
        weights: where released weights lie, where it is known.
        context_tokens: how a checkpoint's tokens say what is context, where they do.
    """

    name: str
    title: str
    family: str
    provenance: Provenance
    about: str
    released: str
    sources: dict[str, Source]
    training: tuple[str, ...]
    claims: tuple[Claim, ...]
    dims: Dims
    choices: Choices
    blocks: dict[str, Choices]
    layers: tuple[str, ...]
    weights: Weights | None = None
    context_tokens: ContextTokens | None = None

    def __hash__(self) -> int:
        """That of the architecture: specs that are equal have the same."""
        return int(self.hash, 16)

    def __repr__(self) -> str:
        dims = self.dims
        return f"<Spec {self.name}: {dims.num_layers} layers of {dims.hidden_size} channels, {self.provenance}>"

    def _repr_html_(self) -> str:
        """What a notebook shows: the title, and a table of all sizes and choices."""
        from harness.spec.diff import flattened, worded

        flat = flattened(self.architecture)
        title = f"{self.title} ({self.name}): {self.provenance}, {PROVENANCES[self.provenance]}"
        return html(Table(title, ["choice", "value"], [(key, worded(key, flat)) for key in flat], left=2))

    def layer(self, index: int) -> Choices:
        """The choices of the layer at `index`, from 0."""
        return self.blocks[self.layers[index % len(self.layers)]]

    @cached_property
    def block_counts(self) -> dict[str, int]:
        """How many layers are of each block, in order of first use."""
        return dict(Counter(self.layers[index % len(self.layers)] for index in range(self.dims.num_layers)))

    @cached_property
    def counted_layers(self) -> list[tuple[Choices, int]]:
        """The different layers, and how many there are of each, in order of first use."""
        return [(self.blocks[name], count) for name, count in self.block_counts.items()]

    @cached_property
    def recurrent(self) -> bool:
        """Whether any layer is counted token by token."""
        return any(layer.mixer.recurrent for layer, _ in self.counted_layers)

    @cached_property
    def architecture(self) -> dict[str, Any]:
        """Everything that decides what is computed, ready for JSON; of a block, only what it chooses for itself.

        Options are settled: two specs of the same architecture have the same, however they were written down. `heads`
        says what follows from them: query heads, key-value heads and channels of a head, by block.
        """
        whole = self._options(self.choices)
        blocks = {
            name: {
                axis: options
                for axis, options in self._options(block).items()
                if options != whole[axis] and block.uses(axis)
            }
            for name, block in self.blocks.items()
        }
        used = {axis for axis in whole for layer, _ in self.counted_layers if layer.uses(axis)}
        model = {axis: options for axis, options in whole.items() if axis in used and options != OMITTED.get(axis)}
        heads = {name: block.mixer.heads(self.dims) for name, block in self.blocks.items()}
        layers = list(self.layers)
        return {"dims": self.dims.model_dump(), "choices": model, "blocks": blocks, "layers": layers, "heads": heads}

    def _options(self, choices: Choices) -> dict[str, dict[str, object]]:
        return {axis: choice.settled(self.dims).options() for axis, choice in choices.items()}

    @cached_property
    def hash(self) -> str:
        """16 hexadecimal digits that two specs share when the same choices make up their model and every layer.

        Names, sources and claims do not enter, nor how layers and options are written down. How a release stores its
        matrices is no part of a spec: the same hash builds the same module with the same first weights, so what is
        trained or measured of one spec holds for every other that has it.
        """
        choices = self._options(self.choices)
        model = {
            axis: options for axis, options in choices.items() if axis not in PER_LAYER and options != OMITTED.get(axis)
        }
        model["norm"] = choices["norm"]
        residuals = [self.blocks[name].residual.settled(self.dims).options() for name in self.block_counts]
        alike = residuals.count(residuals[0]) == len(residuals)
        if alike:  # as all were before blocks could differ in it
            model["residual"] = residuals[0]
        if self.choices.position.in_embedding:
            model["position"] = choices["position"]
        blocks = {name: self._options(self.blocks[name]) for name in self.block_counts}
        layers = [
            {
                HASHED_AS.get(axis, axis): options[axis]
                for axis in PER_LAYER
                if self.blocks[name].uses(axis) and options[axis] != OMITTED.get(axis)
                if axis != "residual" or not alike
            }
            for name, options in blocks.items()
        ]
        written = [json.dumps(layer, sort_keys=True) for layer in layers]
        kinds = list(dict.fromkeys(written))
        index = {name: kinds.index(kind) for name, kind in zip(self.block_counts, written, strict=True)}
        order = [index[self.layers[depth % len(self.layers)]] for depth in range(self.dims.num_layers)]
        canonical = json.dumps([self.dims.model_dump(), model, kinds, order], sort_keys=True)
        return hashlib.sha256(canonical.encode()).hexdigest()[:16]

    def scaled(
        self,
        *,
        hidden_size: int = 64,
        num_layers: int | None = None,
        vocab_size: int | None = None,
        max_seq_len: int | None = None,
    ) -> Spec:
        """A small model of the same choices.

        Kinds, the ratio of query to key-value heads, the ratio of the MLP to the hidden size and the order of the
        blocks stay. Windows, strides and position tables keep their share of `max_seq_len`. Claims, weights and what
        else is one checkpoint's are dropped.

        Args:
            hidden_size: the new width D; a multiple of 4.
            num_layers: the new depth; left out, one round of the blocks, or of layers that are named one by one the
                first of each block, and at least 2.
            vocab_size: the new vocabulary; left out, 256.
            max_seq_len: the new longest sequence; left out, 64.
        """
        if hidden_size % 4 or hidden_size < 4:
            raise ValueError(f"hidden_size must be a positive multiple of 4, not {hidden_size}")
        layers = self._thinned(num_layers)
        dims = Dims(
            num_layers=num_layers or max(2, len(layers)),
            hidden_size=hidden_size,
            vocab_size=vocab_size or 256,
            max_seq_len=max_seq_len or 64,
        )
        scaling = Scaling(self.dims, dims)

        def shrink(choices: Choices) -> Choices:
            mixer = choices.mixer.scaled(scaling)
            known = replace(scaling, head_channels=mixer.position_channels(dims))
            scaled: dict[str, Any] = {axis: choice.scaled(known) for axis, choice in choices.items()}
            return Choices(**scaled)

        model = shrink(self.choices)
        small = {name: shrink(block) for name, block in self.blocks.items()}
        blocks = {
            name: replace(model, **{axis: getattr(block, axis) for axis in PER_LAYER}) for name, block in small.items()
        }
        blocks = {name: block for name, block in blocks.items() if name in layers}
        dropped: dict[str, Any] = {"claims": (), "weights": None, "context_tokens": None}
        return replace(self, dims=dims, choices=model, blocks=blocks, layers=layers, **dropped)

    def _thinned(self, num_layers: int | None) -> tuple[str, ...]:
        """The names of blocks for another depth: a round as it is; of layers that are named one by one, a selection.

        That has the first layer of each block, as far as there is room, and others in equal steps over the depth.
        """
        if len(self.layers) < self.dims.num_layers or len(self.layers) <= (num_layers or 2):
            return self.layers
        first = {name: depth for depth, name in reversed(list(enumerate(self.layers)))}
        chosen = sorted(first.values())[:num_layers]
        rest = [depth for depth in range(len(self.layers)) if depth not in chosen]
        missing = max(0, (num_layers or 2) - len(chosen))
        chosen += [rest[(2 * step + 1) * len(rest) // (2 * missing)] for step in range(missing)]
        return tuple(self.layers[depth] for depth in sorted(chosen))
