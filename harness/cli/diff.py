"""`harness diff`: what differs between two specs, and what that does to the figures."""

from __future__ import annotations

from harness.checkpoints import given
from harness.cli.output import Json, console, in_words, print_json, print_table
from harness.cli.show import BatchSize, Name, SeqLen
from harness.metrics.flops import flops
from harness.metrics.kv_cache import kv_cache_bytes, kv_cache_bytes_per_token
from harness.metrics.params import params, params_breakdown
from harness.spec.diff import called, difference, flattened
from harness.spec.model import Spec


def diff(first: Name, second: Name, json: Json = False, seq_len: SeqLen = None, batch_size: BatchSize = 1) -> None:
    """Choices that differ, and parameters, caches and FLOPs side by side at one length."""
    a, b = given.load(first), given.load(second)
    length = seq_len or min(a.dims.max_seq_len, b.dims.max_seq_len)
    changed = difference(a, b)
    before, after = _figures(a, length, batch_size), _figures(b, length, batch_size)
    if json:
        print_json(
            {
                "first": a.name,
                "second": b.name,
                "seq_len": length,
                "batch_size": batch_size,
                "choices": {key: {"first": old, "second": new} for key, (old, new) in changed.items()},
                "figures": {key: {"first": before[key], "second": after[key]} for key in before},
            }
        )
        return
    if changed:
        flat = [flattened(spec.architecture) for spec in (a, b)]
        rows = [
            (key, *(in_words(value) + called(key, of) for value, of in zip(values, flat, strict=True)))
            for key, values in changed.items()
        ]
        print_table("Choices that differ", ["choice", a.name, b.name], rows, left=3)
    else:
        console().print("The architectures are the same.")
    print_table(
        f"Figures for {batch_size} x {length} tokens",
        ["figure", a.name, b.name, "ratio"],
        [(key, f"{before[key]:,}", f"{after[key]:,}", _ratio(before[key], after[key])) for key in before],
    )


def _figures(spec: Spec, seq_len: int, batch_size: int) -> dict[str, int]:
    return {
        "parameters": params(spec),
        **{f"parameters: {part}": size for part, size in params_breakdown(spec).items()},
        "KV-cache bytes a token, fp16": kv_cache_bytes_per_token(spec),
        "KV-cache bytes, fp16": kv_cache_bytes(spec, seq_len, batch_size),
        "FLOPs, prefill, causal": flops(spec, "prefill", seq_len, batch_size),
        "FLOPs, decode, causal": flops(spec, "decode", seq_len, batch_size),
        "FLOPs, train, causal": flops(spec, "train", seq_len, batch_size),
    }


def _ratio(old: int, new: int) -> str:
    if old == new:
        return "="
    return f"{new / old:.4g}" if old else "new"
