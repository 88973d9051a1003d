"""Small models of the same choices with the same number of parameters."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import replace

from harness.choices.axes import Choices
from harness.choices.base import Dims
from harness.errors import HarnessError
from harness.spec.model import Spec

TOLERANCE = 0.05
"""How far a model may be from the wanted size."""
WIDTHS = range(16, 257, 4)
WIDTH = 64
"""Of four heads with 16 channels, the fewest with which small models learn to attend: then MHA, GQA of two groups and
MQA differ in nothing else."""
FEWEST_LAYERS = 4
"""With two, the order of a round decides what a model can do: where a window comes last, it recalls nothing."""


def standing_for(spec: Spec, target: int, size: Callable[[Spec], int], vocab_size: int, max_seq_len: int) -> Spec:
    """The small model that is trained in place of a spec: 64 wide if its choices leave room for that, else narrower.

    It has whole rounds of blocks, four layers at least; of layers that are named one by one as many, or one of each
    block. `target` is of four layers: deeper ones have as many parameters a layer. See `matched`.
    """
    depth = _depth(spec)
    target = target * depth // FEWEST_LAYERS
    try:
        return matched(spec, target, size, vocab_size, max_seq_len, depth, [WIDTH])
    except HarnessError:  # of many experts each would be less than one channel wide
        return matched(spec, target, size, vocab_size, max_seq_len, depth)


def _depth(spec: Spec) -> int:
    a_round = len(spec.layers)
    if a_round >= spec.dims.num_layers:
        return max(FEWEST_LAYERS, len(spec.block_counts))
    return math.ceil(FEWEST_LAYERS / a_round) * a_round


def matched(
    spec: Spec,
    target: int,
    size: Callable[[Spec], int],
    vocab_size: int,
    max_seq_len: int,
    num_layers: int | None = None,
    widths: Sequence[int] = WIDTHS,
) -> Spec:
    """The scaled model of a spec that has `target` parameters, or nearly so.

    The hidden size is the one that comes nearest; heads and MLP follow it as `Spec.scaled` says. What is missing is
    made up for by the intermediate size of the MLP, or without any MLP by the inner width of the mixers. Windows,
    strides and blocks of
    sparse patterns, and tables of positions, keep their share of the longest sequence: a window of 256 of 2048
    tokens becomes one of 6 of 50.

    Args:
        spec: at any size.
        target: wanted parameters.
        size: counts the parameters of a spec.
        vocab_size: of the small model.
        max_seq_len: the longest sequence that it is made for.
        num_layers: depth of the small model; left out, as `Spec.scaled` has it.
        widths: hidden sizes to choose from, multiples of 4.

    Raises:
        HarnessError: no width comes within 5 %.
    """
    sizes = {"num_layers": num_layers, "vocab_size": vocab_size, "max_seq_len": max_seq_len}
    candidates = [spec.scaled(hidden_size=width, **sizes) for width in widths]
    nearest = min(candidates, key=lambda scaled: abs(size(scaled) - target))
    found = stretched(nearest, target - size(nearest))
    if abs(size(found) / target - 1) > TOLERANCE:
        raise HarnessError(
            f"{spec.name}: no scaled model has {target:,} parameters within {TOLERANCE:.0%}; "
            f"the nearest has {size(found):,}"
        )
    return found


def stretched(spec: Spec, missing: int) -> Spec:
    """A spec with MLPs, or where it has none mixers, as much wider as adds the `missing` parameters, or narrower."""
    mlps = sum(count * layer.experts.params(spec.dims, layer) for layer, count in spec.counted_layers)
    if mlps:
        factor = 1 + missing / mlps
        return _changed(spec, lambda choices, dims: replace(choices, mlp=choices.mlp.widened(factor)))
    mixers = sum(count * layer.mixer.params(spec.dims) for layer, count in spec.counted_layers)
    factor = 1 + missing / mixers if mixers else 1.0
    return _changed(spec, lambda choices, dims: replace(choices, mixer=choices.mixer.widened(factor)))


def _changed(spec: Spec, change: Callable[[Choices, Dims], Choices]) -> Spec:
    """The spec with its choices changed, for the model and in every block."""
    blocks = {name: change(block, spec.dims) for name, block in spec.blocks.items()}
    return replace(spec, choices=change(spec.choices, spec.dims), blocks=blocks)
