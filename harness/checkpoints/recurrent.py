"""What families with recurrences share: the names and forms of their tensors, and lists of kinds of layers."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

from harness.checkpoints.config import Config
from harness.checkpoints.families import Document
from harness.checkpoints.layout import Form, Shape
from harness.spec.model import Spec

Names = dict[str, str | tuple[tuple[str, ...], Form]]

TRAINED_LENGTH = 2048
"""Tokens of a sequence where a config of recurrences alone does not say: the papers train on so many, and none is the
longest."""

ATTENTION, LINEAR = "full_attention", "linear_attention"
OLDER = {"attention": ATTENTION, "mamba": LINEAR}


class Taps(Form):
    """Taps of a convolution, each channel for itself, [C, taps], stored [C, 1, taps]."""

    def to_model(self, released: Any, shapes: Sequence[Shape]) -> list[Any]:
        """Without the second dimension."""
        return [released[:, 0]]

    def to_release(self, own: Sequence[Any]) -> Any:
        """With it."""
        return own[0][:, None]


def mamba2_names(layer: str, own: str = "layers.{i}.mixer.") -> Names:
    """Names of the tensors of a Mamba-2 mixer that is called so in a layer."""
    names: Names = {
        f"{layer}A_log": f"{own}log_a",
        f"{layer}D": f"{own}skip",
        f"{layer}dt_bias": f"{own}dt_bias",
        f"{layer}conv1d.weight": ((f"{own}convolution.weight",), Taps()),
        f"{layer}conv1d.bias": f"{own}convolution.bias",
        f"{layer}norm.weight": f"{own}norm.weight",
    }
    for part in ("weight", "bias"):
        names |= {f"{layer}in_proj.{part}": f"{own}into.{part}", f"{layer}out_proj.{part}": f"{own}out.{part}"}
    return names


def mamba_names(layer: str) -> Names:
    """Names of the tensors of a Mamba mixer that is called so in a layer."""
    own = "layers.{i}.mixer."
    names: Names = {
        f"{layer}A_log": f"{own}log_a",
        f"{layer}D": f"{own}skip",
        f"{layer}conv1d.weight": ((f"{own}convolution.weight",), Taps()),
        f"{layer}conv1d.bias": f"{own}convolution.bias",
        f"{layer}x_proj.weight": f"{own}parameters_of.weight",
    }
    for released, inner in (("in_proj", "into"), ("dt_proj", "dt"), ("out_proj", "out")):
        names |= {f"{layer}{released}.{part}": f"{own}{inner}.{part}" for part in ("weight", "bias")}
    return names | {f"{layer}{part}_layernorm.weight": f"{own}{part}_norm.weight" for part in ("dt", "b", "c")}


def rank_of(config: Config, name: str) -> int:
    """The width that dt is made from: a number, or a sixteenth of the hidden size, rounded up."""
    assumed: int = -(-config.take("hidden_size") // 16)
    if config.as_stated.get(name, "auto") == "auto":
        config.ignore(name)
        return assumed
    rank: int = config.take(name)
    return rank


def unlimited(config: Config) -> None:
    """Refuse a limit of the time step."""
    config.expect("time_step_limit", [0.0, math.inf], [0.0, {"__float__": "Infinity"}])


def mamba2_by_prefix(config: Config, inner: int | None = None) -> dict[str, Any]:
    """A Mamba-2 mixer of the fields that begin with `mamba_`; heads share the inner width, if not given the usual."""
    unlimited(config)
    config.ignore("mamba_chunk_size")
    heads = config.take("mamba_n_heads", default=128)
    usual = config.take("mamba_expand", default=2) * config.take("hidden_size")
    inner = usual if inner is None else inner
    if "auto" in (config.as_stated.get("mamba_d_head"), None):
        config.ignore("mamba_d_head")
    config.expect("mamba_d_head", "auto", inner // heads)
    groups = config.take("mamba_n_groups", default=1)
    return {
        "kind": "mamba2",
        "num_heads": heads,
        "head_dim": inner // heads,
        "state_size": config.take("mamba_d_state", default=256),
        "groups": groups,
        "norm_groups": groups,
        "taps": config.take("mamba_d_conv", default=4),
        "convolution_bias": config.take("mamba_conv_bias", default=True),
        "bias": config.take("mamba_proj_bias", default=False),
    }


def kinds_of(config: Config, assumed: Sequence[str], count: int) -> list[str]:
    """What each of so many layers is by `layer_types` or, without it, as assumed."""
    kinds: list[str] = config.take("layer_types", default=list(assumed))
    if set(kinds) - {ATTENTION, LINEAR} or len(kinds) != count:
        config.refuse("layer_types", kinds, f"expected {count} of {ATTENTION} and {LINEAR}")
    return kinds


def in_kinds(document: Document, kinds: Sequence[str], blocks: Mapping[str, Mapping[str, Any]]) -> Document:
    """The document with a block for each kind of layer that there is: what it chooses for itself.

    Where there is one kind, it is what the whole model chooses; of recurrences alone that leaves no use for positions.
    """
    used = list(dict.fromkeys(kinds))
    if len(used) > 1:
        return {**document, "blocks": {kind: dict(blocks[kind]) for kind in used}, "layers": list(kinds)}
    unused = () if used[0] == ATTENTION else ("position", "pattern")
    choices = {axis: choice for axis, choice in document["choices"].items() if axis not in unused}
    return {**document, "choices": {**choices, **blocks[used[0]]}}


def in_layers_of(spec: Spec, kind: str, names: Names) -> Names:
    """Names for the layers alone whose mixer is of a kind: what it holds may be called as in another."""
    layers = [str(index) for index in range(spec.dims.num_layers) if spec.layer(index).mixer.kind == kind]
    return {
        name.replace("{i}", layer): (
            own.replace("{i}", layer)
            if isinstance(own, str)
            else (tuple(each.replace("{i}", layer) for each in own[0]), own[1])
        )
        for layer in layers
        for name, own in names.items()
    }
