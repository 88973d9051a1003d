"""What differs between two architectures."""

from __future__ import annotations

from typing import Any

from harness.choices.axes import AXES
from harness.choices.mixers import sharing
from harness.spec.model import Spec

QUERY_HEADS, KV_HEADS = ".num_heads", ".num_kv_heads"


def flattened(architecture: dict[str, Any]) -> dict[str, Any]:
    """Every size and option of `Spec.architecture` by a dotted name; those of a block only where they differ."""
    flat = dict(architecture["dims"])
    for axis, options in architecture["choices"].items():
        flat |= _choice(axis, axis, options)
    if len(architecture["blocks"]) > 1:
        flat["layers"] = ", ".join(architecture["layers"])
    for block, choices in architecture["blocks"].items():
        for axis, options in choices.items():
            flat |= _choice(axis, f"{block}: {axis}", options)
    return flat


def _choice(axis: str, name: str, options: dict[str, Any]) -> dict[str, Any]:
    """The kind by the name, and each option behind it; an option that is a choice of the same axis likewise."""
    flat = {name: options["kind"]}
    for key, value in options.items():
        if isinstance(value, dict) and value.get("kind") in AXES[axis].names():
            flat |= _choice(axis, f"{name}.{key}", value)
        elif key != "kind":
            flat[f"{name}.{key}"] = value
    return flat


def called(key: str, flat: dict[str, Any]) -> str:
    """What an entry of `flattened` is called beside its value: " (GQA)" behind a number of key-value heads."""
    if not key.endswith(KV_HEADS) or key not in flat:
        return ""
    return f" ({sharing(flat[key.removesuffix(KV_HEADS) + QUERY_HEADS], flat[key])})"


def difference(first: Spec, second: Spec) -> dict[str, tuple[Any, Any]]:
    """The sizes and options that are not the same; None where one of the specs has no such option."""
    return architectures_differ(first.architecture, second.architecture)


def architectures_differ(first: dict[str, Any], second: dict[str, Any]) -> dict[str, tuple[Any, Any]]:
    """The same of two architectures, as `Spec.architecture` gives them and results store them."""
    a, b = flattened(first), flattened(second)
    return {key: (a.get(key), b.get(key)) for key in {**a, **b} if a.get(key) != b.get(key)}
