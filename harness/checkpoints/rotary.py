"""What released configs say of rotary positions."""

from __future__ import annotations

import math
from typing import Any

from harness.checkpoints.config import Config

SCALINGS: dict[str, dict[str, str]] = {
    "default": {},
    "linear": {"factor": "factor"},
    "llama3": {
        "factor": "factor",
        "low_freq_factor": "low_freq_factor",
        "high_freq_factor": "high_freq_factor",
        "original_max_position_embeddings": "original_length",
    },
    "yarn": {
        "factor": "factor",
        "original_max_position_embeddings": "original_length",
        "beta_fast": "beta_fast",
        "beta_slow": "beta_slow",
        "truncate": "truncate",
        "attention_factor": "attention_factor",
    },
}
"""Kinds of rotary scaling: released option -> the option of the spec."""


def parameters_of(config: Config) -> tuple[str, dict[str, Any]]:
    """What a config says of rotary positions, and in which field; `rope_scaling` counts where both say something."""
    newer, older = (_mapping(config, field) for field in ("rope_parameters", "rope_scaling"))
    return ("rope_scaling", older) if older else ("rope_parameters", newer)


def _mapping(config: Config, field: str) -> dict[str, Any]:
    """A field that holds a mapping; empty where it is not there."""
    value = config.take(field, default={})
    return value if isinstance(value, dict) else config.refuse(field, value)


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
    field, parameters = parameters_of(config)
    theta = config.take("rope_theta", default=10000.0)
    share = config.take("partial_rotary_factor", default=fraction or 1.0)
    parameters = {"rope_theta": theta, "partial_rotary_factor": share, **parameters}
    return rotary(config, field, parameters, layout=layout, partial=fraction is not None)


def neox_rope(config: Config, *, fraction: float) -> dict[str, Any]:
    """Rotary positions of families whose code reads theta and the share under GPT-NeoX's names, and no others.

    Raises:
        HarnessError: as `rope`, or the names of other families say something else.
    """
    theta, share = config.take("rotary_emb_base", default=10000.0), config.take("rotary_pct", default=fraction)
    config.expect("rope_theta", theta)
    config.expect("partial_rotary_factor", share)
    return rope(config.with_fields(rope_theta=theta, partial_rotary_factor=share), fraction=fraction)


def rotary(
    config: Config,
    field: str,
    parameters: dict[str, Any],
    *,
    layout: str = "half_split",
    partial: bool = False,
    by_kind: bool = False,
) -> dict[str, Any]:
    """Rotary positions of parameters that name their theta.

    Args:
        config: the released config.
        field: where the parameters come from.
        parameters: the kind of scaling, its options, theta, and the share that is rotated.
        layout: which channels of a head make a pair.
        partial: whether the family's code heeds the share.
        by_kind: whether they are those of one kind of layer; transformers then looks for `truncate` beside the kinds,
            where it never is.

    Raises:
        HarnessError: the scaling, or the share, cannot be expressed.
    """
    kind = parameters.get("rope_type", parameters.get("type", "default"))
    values = [value for name, value in parameters.items() if name not in ("rope_type", "type")]
    needed = [parameters.get("rope_theta")]
    needed += [parameters.get(name, 1) for name in ("partial_rotary_factor", "original_max_position_embeddings")]
    if not (
        isinstance(kind, str)
        and all(needed)
        and all(value is None or isinstance(value, int | float) for value in values)
    ):
        config.refuse(field, parameters)
    if kind == "yarn" and "factor" in parameters:
        parameters = _with_yarn_options(config, parameters)
    options = SCALINGS.get(kind)
    given = set(parameters) - {"rope_theta", "partial_rotary_factor", "rope_type", "type"}
    if by_kind and not parameters.get("truncate", True):
        config.refuse(field, parameters)
    if options is None or given != set(options):
        config.refuse(field, parameters)
    share = parameters.get("partial_rotary_factor", 1.0)
    if share != 1 and not partial:
        config.refuse("partial_rotary_factor", share)
    scaling = {"kind": kind, **{own: parameters[released] for released, own in options.items()}}
    return {
        "kind": "rope",
        "theta": float(parameters["rope_theta"]),
        "fraction": float(share),
        "layout": layout,
        **({"scaling": scaling} if options else {}),
    }


def _with_yarn_options(config: Config, parameters: dict[str, Any]) -> dict[str, Any]:
    """The parameters with what transformers takes for options of YaRN that are left out, null or 0."""
    longest = config.take("max_position_embeddings")
    original = parameters.get("original_max_position_embeddings", longest)
    factor = longest / original if parameters["factor"] is None else parameters["factor"]
    stretch = parameters.get("attention_factor")
    if stretch is None:
        both = parameters.get("mscale") and parameters.get("mscale_all_dim")
        over, under = (parameters["mscale"], parameters["mscale_all_dim"]) if both else (1.0, 0.0)
        stretch = _stretch(factor, over) / _stretch(factor, under)
    others = {name: value for name, value in parameters.items() if name not in ("mscale", "mscale_all_dim")}
    return {
        **others,
        "factor": factor,
        "original_max_position_embeddings": original,
        "beta_fast": parameters.get("beta_fast") or 32,
        "beta_slow": parameters.get("beta_slow") or 1,
        "truncate": bool(parameters.get("truncate", True)),  # null means false here
        "attention_factor": stretch,
    }


def _stretch(factor: float, weight: float) -> float:
    """What YaRN multiplies queries and keys by, 1 + ln(factor) / 10, with a weight on what is above 1."""
    return 1 + 0.1 * weight * math.log(factor) if factor > 1 else 1.0
