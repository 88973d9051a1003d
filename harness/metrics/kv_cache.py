"""Bytes of what layers keep of a sequence in closed form, keys, values, latents and the states of recurrences, and the
longest context that a memory holds beside the weights.
"""

from __future__ import annotations

from typing import Any

from harness.choices.mixers import State
from harness.errors import CountMismatchError
from harness.metrics import Metric, lengths_up_to, metrics, require, require_positive
from harness.metrics.params import params
from harness.spec.model import Spec

BITS: dict[str, int] = {"fp32": 32, "fp16": 16, "bf16": 16, "int8": 8, "int4": 4}
FLOATS = ("fp32", "fp16", "bf16")
"""Formats that a whole model can have."""
PRECISE_BITS = 32
"""Of a number that a recurrence adds to at every token, whatever the cache is rounded to."""
BUDGETS_GB = (6, 24, 80, 141)
"""Memories of common devices, in 10^9 bytes."""
LONGEST = 1 << 40
"""A context past which a cache is taken to have stopped growing."""


def kv_cache_bytes(spec: Spec, seq_len: int, batch_size: int = 1, dtype: str = "fp16") -> int:
    """Bytes that all layers keep of the tokens so far while the seq_len-th token of each sequence is computed.

    Attention keeps what a later query can still see: a banded layer its band, a fixed one its summaries. For int8
    and int4 these are the codes alone; the scales that a quantiser adds are not counted. What does not grow, the last
    inputs of a convolution, is in fp16 then, and the matrix of a recurrence in 32 bits always.

    Args:
        spec: the model.
        seq_len: tokens of a sequence.
        batch_size: sequences.
        dtype: fp32, fp16, bf16, int8 or int4.

    Raises:
        HarnessError: an unknown dtype, or a size below 1.
    """
    require("dtype", dtype, BITS)
    require_positive(seq_len=seq_len, batch_size=batch_size)
    return _bytes(_state(spec, seq_len), batch_size, dtype)


def kv_cache_bytes_per_token(spec: Spec, dtype: str = "fp16") -> int:
    """Bytes that one more token adds, as long as every layer keeps it; what does not grow adds none."""
    return kv_cache_bytes(spec, 1, 1, dtype) - constant_bytes(spec, dtype)


def constant_bytes(spec: Spec, dtype: str = "fp16") -> int:
    """Bytes that a sequence takes however short it is: what recurrences and convolutions carry."""
    return _bytes(_state(spec, 0), 1, dtype)


def weight_bytes(spec: Spec, dtype: str = "fp16") -> int:
    """Bytes of all parameters in one number format; the scales of a quantiser are not counted."""
    require("dtype", dtype, BITS)
    return -(-params(spec) * BITS[dtype] // 8)


def longest_context(
    spec: Spec, budget_bytes: int, *, weights: str = "fp16", cache: str = "fp16", batch_size: int = 1
) -> int | None:
    """The most tokens a sequence can have so that weights and caches fit into a memory.

    No shorter sequence overflows either: some patterns hold fewer keys at a greater length. Activations and the
    allocator's losses are left out, so it is an upper bound. The model's own limit, such as a
    table of learned positions, is not applied.

    Returns:
        The number of tokens, 0 where the weights alone do not fit, None where the cache stops growing before the
        memory is full.
    """
    free = budget_bytes - weight_bytes(spec, weights)
    if free < _peak_bytes(spec, 1, batch_size, cache):
        return 0
    if _peak_bytes(spec, LONGEST, batch_size, cache) <= free:
        return None
    fits, too_long = 1, LONGEST
    while too_long - fits > 1:
        middle = (fits + too_long) // 2
        if _peak_bytes(spec, middle, batch_size, cache) <= free:
            fits = middle
        else:
            too_long = middle
    return fits


def _peak_bytes(spec: Spec, seq_len: int, batch_size: int, dtype: str) -> int:
    """The most bytes that the layers kept on the way to this length, each layer at its own worst."""
    dims, layers = spec.dims, spec.counted_layers
    peaks = ((layer.mixer.peak_state(dims, layer, seq_len) + layer.mlp.state(dims)) * count for layer, count in layers)
    return _bytes(sum(peaks, State()), batch_size, dtype)


def _state(spec: Spec, seq_len: int) -> State:
    """Of all layers, for one sequence."""
    dims, layers = spec.dims, spec.counted_layers
    states = ((layer.mixer.state(dims, layer, seq_len) + layer.mlp.state(dims)) * count for layer, count in layers)
    return sum(states, State())


def _bytes(state: State, batch_size: int, dtype: str) -> int:
    cached, carried = BITS[dtype], BITS[dtype if dtype in FLOATS else "fp16"]
    bits = state.cached * cached + state.carried * carried + state.precise * PRECISE_BITS
    return -(-batch_size * bits // 8)


@metrics.register("kv_cache")
class KVCache(Metric):
    """Bytes a token and from the start, over the context, and the contexts that fit; checked against filled caches."""

    version = 2

    def settings(self, spec: Spec, profile: str) -> dict[str, Any]:
        """Lengths up to the longest that the model is made for, and the memories."""
        longest, ragged = spec.dims.max_seq_len, min(9 if spec.recurrent else 129, spec.dims.max_seq_len)
        return {
            "seq_lens": lengths_up_to(longest),
            "check": [[1, min(17, longest) if spec.recurrent else longest], [2, ragged]],
            "budgets_gb": list(BUDGETS_GB),
        }

    def measure(self, spec: Spec, settings: dict[str, Any]) -> dict[str, Any]:
        """Closed forms, then the storages of a cache that is filled on the meta device."""
        from harness.counters import cache_bytes

        checked = []
        for batch_size, seq_len in settings["check"]:
            formula, filled = kv_cache_bytes(spec, seq_len, batch_size), cache_bytes(spec, seq_len, batch_size)
            if formula != filled:
                raise CountMismatchError(
                    f"{spec.name}: what is kept of {batch_size} x {seq_len} tokens has {formula:,} bytes by formula "
                    f"and {filled:,} in its tensors"
                )
            checked.append({"batch_size": batch_size, "seq_len": seq_len, "bytes": filled})
        return {
            "bytes_per_token": {dtype: kv_cache_bytes_per_token(spec, dtype) for dtype in BITS},
            "constant_bytes": {dtype: constant_bytes(spec, dtype) for dtype in BITS},
            "points": [{"seq_len": n, "bytes": kv_cache_bytes(spec, n)} for n in settings["seq_lens"]],
            "longest_context": [
                {"budget_gb": gb, "weights": dtype, "tokens": longest_context(spec, gb * 10**9, weights=dtype)}
                for gb in settings["budgets_gb"]
                for dtype in ("fp16", "int8", "int4")
            ],
            "checked": checked,
        }
