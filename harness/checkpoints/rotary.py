"""What released configs say of rotary positions."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

from harness.checkpoints.config import Config

Scaling = dict[str, Any]
"""How frequencies are slowed down, as a spec states it; empty for not at all."""

READ_BY_SOME = (
    "factor attention_factor original_max_position_embeddings beta_fast beta_slow mscale mscale_all_dim truncate "
    "low_freq_factor high_freq_factor short_factor long_factor short_mscale long_mscale alpha mrope_section"
).split()
"""Entries that some kinds of scaling read; the others pass over them."""


def parameters_of(config: Config) -> Config:
    """What a config says of rotary positions; `rope_scaling` counts where both its names say something."""
    newer, older = config.mapping("rope_parameters"), config.mapping("rope_scaling")
    if older.names:
        config.ignore("rope_parameters")
        return older
    return newer


def kind_of(parameters: Config) -> str:
    """The kind of scaling; `rope_type` counts where both its names say something."""
    older: str = parameters.take("type", default="default")
    kind: str = parameters.take("rope_type", default=older)
    return kind


def flattened(config: Config) -> Config:
    """The config with positions of one dimension, which those of images and text are for a text alone."""
    parameters = parameters_of(config)
    parameters.ignore("mrope_section", "mrope_interleaved")
    kind = kind_of(parameters)
    return config.with_part(parameters, parameters.with_fields(rope_type="default")) if kind == "mrope" else config


def by_channels(config: Config) -> Config:
    """The config with the share of a head that is rotated, where a release gives its channels instead (MiniMax)."""
    channels = config.take("rotary_dim", default=0)
    return config.with_fields(partial_rotary_factor=channels / config.take("head_dim")) if channels else config


def rope(config: Config, *, layout: str = "half_split", fraction: float | None = None) -> dict[str, Any]:
    """Rotary positions, from `rope_parameters` or, before transformers 5, `rope_theta` and `rope_scaling`.

    Args:
        config: the released config.
        layout: which channels of a head make a pair.
        fraction: the share of a head's channels that is rotated where the config does not say; None where the
            family's code rotates all of them whatever a config says.

    Raises:
        HarnessError: the scaling, or the share, cannot be expressed.
    """
    return rotary(config, parameters_of(config), layout=layout, fraction=fraction)


def neox_rope(config: Config, *, fraction: float) -> dict[str, Any]:
    """Rotary positions of families whose code reads theta and the share under GPT-NeoX's names, and no others.

    Raises:
        HarnessError: as `rope`, or the names of other families say something else.
    """
    theta, share = (
        config.take("rotary_emb_base", default=10000.0, of=float),
        config.take("rotary_pct", default=fraction, of=float),
    )
    config.expect("rope_theta", theta)
    config.expect("partial_rotary_factor", share)
    return rope(config.with_fields(rope_theta=theta, partial_rotary_factor=share), fraction=fraction)


def rotary(
    config: Config,
    parameters: Config,
    *,
    layout: str = "half_split",
    fraction: float | None = None,
    theta: float = 10000.0,
    by_kind: bool = False,
) -> dict[str, Any]:
    """Rotary positions of parameters.

    Args:
        config: the released config, which holds what the parameters leave out.
        parameters: the kind of scaling, its options, theta, and the share that is rotated.
        layout: which channels of a head make a pair.
        fraction: the share of a head's channels that is rotated where nothing is said of it; None where the family's
            code rotates all of them.
        theta: what the family's code assumes where nothing is said of it.
        by_kind: whether they are those of one kind of layer; transformers then looks for `truncate` beside the kinds,
            where it never is.

    Raises:
        HarnessError: the scaling, or the share, cannot be expressed.
    """
    parameters.strict = True
    kind = kind_of(parameters)
    if kind not in SCALINGS:
        parameters.refuse("rope_type" if "rope_type" in parameters.names else "type", kind, f"known: {_KNOWN}")
    base = parameters.take("rope_theta", default=config.take("rope_theta", default=theta, of=float), of=float)
    stated = config.take("partial_rotary_factor", default=fraction or 1.0, of=float)
    share = parameters.take("partial_rotary_factor", default=stated, of=float)
    if share != 1 and fraction is None:
        holder = parameters if "partial_rotary_factor" in parameters.names else config
        holder.refuse("partial_rotary_factor", share, "expected 1: this family's code rotates all channels")
    if by_kind and not parameters.take("truncate", default=True):
        parameters.refuse("truncate", False, "expected true, which is what the code takes here whatever is said")
    scaling = SCALINGS[kind](config, parameters)
    parameters.ignore(*READ_BY_SOME)
    return {
        "kind": "rope",
        "theta": float(base),
        "fraction": float(share),
        "layout": layout,
        **({"scaling": scaling} if scaling else {}),
    }


def _none(config: Config, parameters: Config) -> Scaling:
    return {}


def _linear(config: Config, parameters: Config) -> Scaling:
    return {"kind": "linear", "factor": parameters.take("factor", of=float)}


def _dynamic(config: Config, parameters: Config) -> Scaling:
    factor, length = parameters.take("factor", of=float), config.take("max_position_embeddings")
    return {"kind": "dynamic", "factor": factor, "original_length": length}


def _llama3(config: Config, parameters: Config) -> Scaling:
    return {
        "kind": "llama3",
        **{name: parameters.take(name, of=float) for name in ("factor", "low_freq_factor", "high_freq_factor")},
        "original_length": _original_length(config, parameters),
    }


def _yarn(config: Config, parameters: Config) -> Scaling:
    """With what transformers takes for entries that are left out, null or 0.

    `finetuned` is an entry of the paper's released code, where only the dynamic kind reads it.
    """
    parameters.ignore("finetuned")
    original = _original_length(config, parameters)
    factor = _factor(config, parameters, original)
    over, under = (parameters.take(name, default=None, of=float) for name in ("mscale", "mscale_all_dim"))
    stretch = _stretch(factor, over) / _stretch(factor, under) if over and under else _stretch(factor, 1.0)
    return {
        "kind": "yarn",
        "factor": factor,
        "original_length": original,
        "beta_fast": parameters.take("beta_fast", default=32.0) or 32,
        "beta_slow": parameters.take("beta_slow", default=1.0) or 1,
        "truncate": parameters.take("truncate", default=True),
        "attention_factor": parameters.take("attention_factor", default=stretch),
    }


def _longrope(config: Config, parameters: Config) -> Scaling:
    """With the factor of the scores that transformers derives where none is given."""
    original = _original_length(config, parameters)
    factor = _factor(config, parameters, original)
    stretch = math.sqrt(1 + math.log(factor) / math.log(original)) if factor > 1 and original > 1 else 1.0
    lists = {name: parameters.take(name, of=list) for name in ("short_factor", "long_factor")}
    for name, values in lists.items():
        if any(isinstance(value, bool) or not isinstance(value, int | float) for value in values):
            parameters.refuse(name, values, "expected a list of numbers")
    return {
        "kind": "longrope",
        "original_length": original,
        **lists,
        "attention_factor": parameters.take("attention_factor", default=stretch),
    }


SCALINGS: dict[str, Callable[[Config, Config], Scaling]] = {
    "default": _none,
    "linear": _linear,
    "dynamic": _dynamic,
    "llama3": _llama3,
    "yarn": _yarn,
    "longrope": _longrope,
    "su": _longrope,
}
"""Kinds of scaling, as releases call them, and how their entries are read."""
_KNOWN = ", ".join(SCALINGS)


def _original_length(config: Config, parameters: Config) -> int:
    """The length before scaling; beside the parameters it counts more than in them."""
    inside = parameters.take("original_max_position_embeddings", default=config.take("max_position_embeddings"))
    length: int = config.take("original_max_position_embeddings", default=inside)
    return length


def _factor(config: Config, parameters: Config, original: int) -> float:
    """How many times longer sequences become; where it is not said, by what the lengths say."""
    said = any("original_max_position_embeddings" in each.names for each in (config, parameters))
    longer = {"default": config.take("max_position_embeddings") / original} if said else {}
    factor: float = parameters.take("factor", of=float, **longer)
    return factor


def _stretch(factor: float, weight: float) -> float:
    """What YaRN multiplies queries and keys by, 1 + ln(factor) / 10, with a weight on what is above 1."""
    return 1 + 0.1 * weight * math.log(factor) if factor > 1 else 1.0
