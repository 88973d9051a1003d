"""What tables say of an architecture, read from the record that is stored with a result."""

from __future__ import annotations

from collections import Counter
from typing import Any

from harness.choices.axes import AXES
from harness.choices.mixers import called, mixers
from harness.choices.positions import positions
from harness.report.wording import TIMES
from harness.spec.model import OMITTED

Options = dict[str, Any]
ASKED_BY = {"pattern": "uses_pattern", "position": "uses_position"}
"""Axes that some mixers do not use -> what says whether a mixer does."""


def block_counts(architecture: Options) -> dict[str, int]:
    """How many layers are of each block, in order of first use."""
    layers = architecture["layers"]
    return dict(Counter(layers[index % len(layers)] for index in range(architecture["dims"]["num_layers"])))


def by_block(architecture: Options, axis: str) -> dict[str, Options]:
    """The options on one axis in every block that uses it: its own, or the model's."""
    model = architecture["choices"].get(axis, OMITTED.get(axis))
    own = {block: architecture["blocks"].get(block, {}) for block in block_counts(architecture)}
    mixer = architecture["choices"]["mixer"]
    everywhere = axis not in ASKED_BY or (axis == "position" and model and positions[model["kind"]].in_embedding)
    return {
        block: choices.get(axis, model)
        for block, choices in own.items()
        if everywhere or getattr(mixers[choices.get("mixer", mixer)["kind"]], ASKED_BY[axis])
    }


def by_layer(architecture: Options, axis: str) -> list[Options]:
    """The options on one axis in every layer."""
    options, layers = by_block(architecture, axis), architecture["layers"]
    return [options.get(layers[index % len(layers)], {}) for index in range(architecture["dims"]["num_layers"])]


def differing(one: Options, other: Options) -> list[str]:
    """The axes on which two architectures of the same sizes differ in any layer; all axes, if their sizes differ."""
    same_sizes = one["dims"] == other["dims"]
    return [axis for axis in AXES if not same_sizes or by_layer(one, axis) != by_layer(other, axis)]


def defaults_of(architecture: Options) -> set[str]:
    """The options that stand at what they are when a spec does not mention them, named as `flattened` names them."""
    chosen = {axis: (axis, options) for axis, options in architecture["choices"].items()}
    for block, choices in architecture["blocks"].items():
        chosen |= {f"{block}: {axis}": (axis, options) for axis, options in choices.items()}
    return {
        f"{name}.{option}"
        for name, (axis, options) in chosen.items()
        if options["kind"] in AXES[axis].names()  # else it is of another version
        for option, field in AXES[axis][options["kind"]].model_fields.items()
        if not field.is_required() and option in options and options[option] == field.default
    }


def mixers_called(architecture: Options) -> dict[str, str]:
    """What tables call the mixer of each block."""
    mixers_of = by_block(architecture, "mixer")
    return {block: called(options["kind"], architecture["heads"][block]) for block, options in mixers_of.items()}


def described(options: Options) -> str:
    """A choice in words: `banded, window 256`."""
    return ", ".join([options["kind"], *(f"{key} {value}" for key, value in options.items() if key != "kind")])


def summary(architecture: Options) -> dict[str, Any]:
    """The columns that a table shows. Sizes are ints; choices are words, joined by ` / ` where blocks differ."""
    dims = architecture["dims"]
    heads = architecture["heads"].values()
    return {
        "layers": dims["num_layers"],
        "hidden": dims["hidden_size"],
        "heads": _joined(f"{head['query']}/{head['key_value']}" for head in heads),
        "attention": _joined(mixers_called(architecture).values()),
        "channels": _joined(head["channels"] for head in heads),
        "mlp": _kinds(architecture, "mlp"),
        "width": _joined(options.get("intermediate_size", "n/a") for options in by_block(architecture, "mlp").values()),
        "experts": _joined(_routed(options) for options in by_block(architecture, "experts").values()),
        "norm": _kinds(architecture, "norm"),
        "residual": _kinds(architecture, "residual"),
        "position": _kinds(architecture, "position"),
        "pattern": _patterns(architecture),
        "vocab": dims["vocab_size"],
        "max_length": dims["max_seq_len"],
        "head": architecture["choices"]["head"]["kind"],
        "objective": architecture["choices"]["objective"]["kind"],
    }


def _kinds(architecture: Options, axis: str) -> str:
    return str(_joined(options["kind"] for options in by_block(architecture, axis).values()))


def _routed(experts: Options) -> str:
    """`2 of 8`, beside one that every token goes through where there is one; a dash where there is one network."""
    if "num_experts" not in experts:
        return "-"
    shared = " + 1" if experts.get("shared_size") else ""
    return f"{experts['experts_per_token']} of {experts['num_experts']}{shared}"


def _patterns(architecture: Options) -> str:
    counts = block_counts(architecture)
    layers: Counter[str] = Counter()
    for block, options in by_block(architecture, "pattern").items():
        layers[described(options)] += counts[block]
    if len(layers) == 1:
        return next(iter(layers))
    return "; ".join(f"{count} {TIMES} {pattern}" for pattern, count in layers.items())


def _joined(values: Any) -> Any:
    """The only value as it is, several as words."""
    different = list(dict.fromkeys(values))
    return different[0] if len(different) == 1 else " / ".join(map(str, different)) or "-"
