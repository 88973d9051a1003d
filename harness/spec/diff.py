"""What differs between architectures."""

from __future__ import annotations

from itertools import chain
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


def worded(key: str, flat: dict[str, Any]) -> str:
    """The value of an entry of `flattened` as tables show it: true, false, 8 (GQA), or - for none."""
    value = flat.get(key)
    text = "-" if value is None else str(value).lower() if isinstance(value, bool) else str(value)
    return text + called(key, flat)


def difference(*specs: Spec) -> dict[str, tuple[Any, ...]]:
    """The sizes and options that are not the same in all specs; None where one of them has no such option."""
    return architectures_differ(*(spec.architecture for spec in specs))


def architectures_differ(*architectures: dict[str, Any]) -> dict[str, tuple[Any, ...]]:
    """The same of architectures, as `Spec.architecture` gives them and results store them."""
    flat = [flattened(architecture) for architecture in architectures]
    values = {key: tuple(each.get(key) for each in flat) for key in chain.from_iterable(flat)}
    return {key: found for key, found in values.items() if any(value != found[0] for value in found)}
