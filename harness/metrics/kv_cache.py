"""Bytes of the key-value cache in closed form, and the longest context that a memory holds beside the weights."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from harness.choices.patterns import Pattern
from harness.errors import CountMismatchError
from harness.metrics import Metric, lengths_up_to, metrics, require, require_positive
from harness.metrics.params import params
from harness.spec.model import Spec

BITS: dict[str, int] = {"fp32": 32, "fp16": 16, "bf16": 16, "int8": 8, "int4": 4}
BUDGETS_GB = (6, 24, 80, 141)
"""Memories of common devices, in 10^9 bytes."""
LONGEST = 1 << 40
"""A context past which a cache is taken to have stopped growing."""


def kv_cache_bytes(spec: Spec, seq_len: int, batch_size: int = 1, dtype: str = "fp16") -> int:
    """Bytes of keys and values that all layers hold while the seq_len-th token of each sequence is computed.

    A layer keeps what a later query can still see: a banded layer its band, a fixed one its summaries. For int8
    and int4 these are the codes alone; the scales that a quantiser adds are not counted.

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
    return _bytes(spec, batch_size, dtype, lambda pattern: pattern.cached_keys(seq_len))


def kv_cache_bytes_per_token(spec: Spec, dtype: str = "fp16") -> int:
    """Bytes that one more token adds, as long as every layer keeps it."""
    return kv_cache_bytes(spec, 1, 1, dtype)


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
    """The most bytes that the caches of the layers took on the way to this length, each layer at its own worst."""
    return _bytes(spec, batch_size, dtype, lambda pattern: pattern.peak_keys(seq_len))


def _bytes(spec: Spec, batch_size: int, dtype: str, keys: Callable[[Pattern], int]) -> int:
    """Bytes of caches in which each layer holds as many keys as its pattern is said to."""
    scalars = sum(
        count * keys(spec.blocks[block].pattern) * spec.blocks[block].attention.cached_scalars(spec.dims)
        for block, count in spec.block_counts.items()
    )
    return -(-batch_size * scalars * BITS[dtype] // 8)


@metrics.register("kv_cache")
class KVCache(Metric):
    """Bytes a token, over the context, and the contexts that fit; checked against the caches that a model fills."""

    version = 1

    def settings(self, spec: Spec, profile: str) -> dict[str, Any]:
        """Lengths up to the longest that the model is made for, and the memories."""
        longest = spec.dims.max_seq_len
        return {
            "seq_lens": lengths_up_to(longest),
            "check": [[1, longest], [2, min(129, longest)]],
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
                    f"{spec.name}: the cache of {batch_size} x {seq_len} tokens has {formula:,} bytes by formula "
                    f"and {filled:,} in its tensors"
                )
            checked.append({"batch_size": batch_size, "seq_len": seq_len, "bytes": filled})
        return {
            "bytes_per_token": {dtype: kv_cache_bytes_per_token(spec, dtype) for dtype in BITS},
            "points": [{"seq_len": n, "bytes": kv_cache_bytes(spec, n)} for n in settings["seq_lens"]],
            "longest_context": [
                {"budget_gb": gb, "weights": dtype, "tokens": longest_context(spec, gb * 10**9, weights=dtype)}
                for gb in settings["budgets_gb"]
                for dtype in ("fp16", "int8", "int4")
            ],
            "checked": checked,
        }
